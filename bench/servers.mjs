// One server in a process of its own: node bench/servers.mjs NAME. Tells its port, and its usage when asked.
import { createServer } from 'node:http'
import { jwtVerify } from 'jose'
import { WebSocketServer } from 'ws'
import { createGateway, createLog } from '../dist/gateway/index.js'
import { appId, secret } from './setting.mjs'

const key = await crypto.subtle.importKey(
  'raw',
  new TextEncoder().encode(secret),
  { name: 'HMAC', hash: 'SHA-256' },
  false,
  ['verify'],
)

const verify = async (token) =>
  (await jwtVerify(token, key, { algorithms: ['HS256'], issuer: appId })).payload.sub

const listen = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))

const ours = async (engine) => {
  const gateway = createGateway(
    {
      listen: { port: 0 },
      engine,
      apps: { [appId]: { environment: 'production', secrets: [secret], origins: ['http://127.0.0.1'] } },
    },
    { env: {}, log: createLog({ level: 'warn' }) },
  )
  return Number(new URL(await gateway.listen()).port)
}

/** A WebSocket server as small as it can be that answers a start: what a team would write first. */
const bare = (answer) => () => {
  const server = createServer()
  new WebSocketServer({
    server,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => 'chat-session.v1',
  }).on('connection', (socket) =>
    socket.on('message', async (data) => {
      const { token } = JSON.parse(data.toString())
      socket.send(JSON.stringify({ type: 'started', userId: await answer(token) }))
    }),
  )
  return listen(server)
}

const socketIo = async () => {
  const { Server } = await import('socket.io')
  const server = createServer()
  const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false })
  io.use(async (socket, next) => {
    socket.data.userId = await verify(socket.handshake.auth.token)
    next()
  })
  return listen(server)
}

const servers = {
  'chat-session, memory': () => ours({ type: 'memory' }),
  'chat-session, embedded': () => ours({ type: 'embedded', path: process.env.BENCH_FOLDER }),
  'ws + jose': bare(verify),
  ws: bare(() => Promise.resolve('1')),
  'socket.io + jose': socketIo,
}

const port = await servers[process.argv[2]]()
process.on('message', () => {
  globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send({ cpu: user + system, rss: process.memoryUsage.rss() })
})
process.send({ port })
process.on('disconnect', () => process.exit())
