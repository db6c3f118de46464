// The servers of the rows that compare how the pages of different clients reach their sessions.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { WebSocketServer } from 'ws'
import { listen } from './page.mjs'
import { appId, secret } from './setting.mjs'

// What is built is loaded below, so that `npm run figures` reads the rows without it.
const createVerifier = async () => {
  const { createTokenVerifier } = await import('../dist/tokens/index.js')
  return createTokenVerifier({ appId, secrets: [secret] })
}

/** By the name of a client, attaches the sessions that it starts to an HTTP server. Each resolves with what is to be closed. */
const attach = {
  'chat-session': async (server) => {
    const { createGateway, createLog } = await import('../dist/gateway/index.js')
    const apps = { [appId]: { environment: 'test', secrets: [secret] } }
    const log = createLog({ level: 'warn' })
    const gateway = createGateway({ engine: { type: 'memory' }, apps }, { env: {}, log })
    gateway.attach(server)
    return gateway
  },
  'socket.io-client': async (server) => {
    const verify = await createVerifier()
    const io = new Server(server, { serveClient: false })
    io.use(async (socket, next) => {
      const { ok, why } = await verify(socket.handshake.auth.token)
      next(ok ? undefined : new Error(why))
    })
    return io
  },
  centrifuge: async (server) => {
    const verify = await createVerifier()
    return new WebSocketServer({ server }).on('connection', (socket) =>
      socket.on('message', async (data) => {
        // Pongs are `{}`.
        const { id, connect: start } = JSON.parse(data.toString())
        if (!start) return
        const { ok } = await verify(start.token)
        const answer = ok
          ? { connect: { client: 'ada', version: '0', ping: 25, pong: true } }
          : { error: { code: 101, message: 'unauthorized' } }
        socket.send(JSON.stringify({ id, ...answer }))
      }),
    )
  },
}

/** Runs `use` with the port of a server that answers requests by `respond`, and has the sessions of this client. */
export const withSessionsOf = async (client, respond, use) => {
  const server = createServer(respond)
  const attached = await attach[client](server)
  try {
    return await use(await listen(server))
  } finally {
    await attached.close()
    server.closeAllConnections()
    server.close()
  }
}
