/* global Response, setInterval */
// Runs one server in a process of its own: node bench/servers.mjs NAME. Sends its port, and its usage on request.
import { fdatasync, openSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { jwtVerify } from 'jose'
import { WebSocketServer } from 'ws'
import { createEmbeddedEngine, createMemoryEngine } from '../dist/engine/index.js'
import { createGateway, createLog } from '../dist/gateway/index.js'
import { profileCpu, profileHeap, readMemory } from './profiler.mjs'
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

/** Seconds between two pings: the gateway's default, if the row has no other. */
const PING_INTERVAL = Number(process.env.BENCH_PING_INTERVAL ?? 25)

/** Of a server that is started again; else 0. */
const fixedPort = Number(process.env.BENCH_PORT ?? 0)

const listen = (server) =>
  new Promise((resolve) => server.listen(fixedPort, '127.0.0.1', () => resolve(server.address().port)))

const body = 'Is the blue one still there? I would come for it on Saturday.'

const ours = async (engine) => {
  const gateway = createGateway(
    {
      listen: { port: fixedPort },
      pingInterval: PING_INTERVAL,
      // All clients of a benchmark have one address.
      limits: { connectionsPerAddress: 1_000_000, connectionsPerSecondPerAddress: 1_000_000 },
      apps: {
        [appId]: {
          environment: 'production',
          secrets: [secret],
          origins: ['http://127.0.0.1'],
          limits: {
            sessionsPerUser: 100,
            messagesPerSecond: 1_000_000,
            requestsPerSecond: 1_000_000,
            bytesPerSecond: 2 ** 40,
          },
        },
      },
    },
    { env: {}, log: createLog({ level: 'warn' }), engine },
  )
  const rules = {
    ...{ sendWindow: 3_600_000, unknownRecipients: true, unknownSenders: true, unreadPerSender: 1 },
    retention: { messages: 10_000, age: 2_592_000_000, bytes: 2 ** 30 },
    quota: { inboxes: 2 ** 30, bytes: 2 ** 40 },
  }
  const fill = (to, messages) =>
    Promise.all(
      Array.from({ length: messages }, (_, index) =>
        engine.send({ appId, id: `fill-${index}`, from: 'filler', to, body }, rules),
      ),
    )
  return { port: Number(new URL(await gateway.listen()).port), fill }
}

/** Returns a function that writes a text to a file and resolves after the sync. Texts that arrive during a sync share the next. */
const groupCommit = () => {
  const file = openSync(join(process.env.BENCH_FOLDER, 'log'), 'a')
  const sync = promisify(fdatasync)
  let gathered = []
  let running = false
  const run = async () => {
    running = true
    while (gathered.length > 0) {
      const batch = gathered
      gathered = []
      writeSync(file, batch.map(({ text }) => `${text}\n`).join(''))
      await sync(file)
      for (const { resolve } of batch) resolve()
    }
    running = false
  }
  return (text) =>
    new Promise((resolve) => {
      gathered.push({ text, resolve })
      if (!running) void run()
    })
}

/** Ends connections that did not answer the last ping, and pings the others, as the documentation of `ws` shows it. */
const pingAll = (sockets) => {
  sockets.on('connection', (socket) => {
    socket.isAlive = true
    socket.on('pong', () => (socket.isAlive = true))
  })
  setInterval(() => {
    for (const socket of sockets.clients) {
      if (!socket.isAlive) socket.terminate()
      socket.isAlive = false
      socket.ping()
    }
  }, PING_INTERVAL * 1_000)
}

/**
 * Returns a minimal relay, as a team would write it first. It answers a start. It sends a message with an offset to both users and
 * acknowledges it, after `keep` has stored it. `connect` returns functions to call for a socket's messages and for its close.
 */
const createRelay = (answer, keep) => {
  const users = new Map()
  const userOf = (id) => {
    if (!users.has(id)) users.set(id, { offset: 0, sockets: new Set(), kept: [] })
    return users.get(id)
  }
  const publish = (user, frame) => {
    const text = JSON.stringify(frame)
    for (const each of user.sockets) each.send(text)
  }
  return {
    connect(socket) {
      let userId
      const send = (frame) => socket.send(JSON.stringify(frame))
      return {
        async onMessage(text) {
          const frame = JSON.parse(text)
          if (frame.type === 'send') {
            const { id, to, body } = frame
            const [sender, recipient] = [userOf(userId), userOf(to)]
            const message = { type: 'message', id, from: userId, to, sender: {}, body, sentAt: Date.now() }
            const [offset, ownOffset] = [++recipient.offset, ++sender.offset]
            if (keep) await keep(JSON.stringify({ ...message, offset, ownOffset }))
            publish(recipient, { ...message, offset })
            publish(sender, { ...message, offset: ownOffset })
            send({ type: 'sent', id, offset: ownOffset, sentAt: message.sentAt })
          } else if (frame.type === 'start') {
            userId = await answer(frame.token)
            const user = userOf(userId)
            user.sockets.add(socket)
            send({ type: 'started', userId })
            if (frame.resume) for (const message of user.kept) send(message)
          }
        },
        onClose: () => userOf(userId).sockets.delete(socket),
      }
    },
    fill(to, messages) {
      for (let offset = 1; offset <= messages; offset++)
        userOf(to).kept.push({
          ...{ type: 'message', offset, id: `fill-${offset}`, from: 'filler', to },
          ...{ sender: {}, body, sentAt: Date.now() },
        })
    },
  }
}

/** A relay on the package ws. */
const bare =
  (answer, keeper = () => undefined, hasPings = false) =>
  async () => {
    const { connect, fill } = createRelay(answer, keeper())
    const server = createServer()
    const sockets = new WebSocketServer({
      server,
      perMessageDeflate: false,
      clientTracking: hasPings,
      handleProtocols: () => 'chat-session.v1',
    }).on('connection', (socket) => {
      const { onMessage, onClose } = connect(socket)
      socket.on('message', (data) => onMessage(data.toString()))
      socket.on('close', onClose)
    })
    if (hasPings) pingAll(sockets)
    return { port: await listen(server), fill }
  }

/** The user whom a token names. */
const readUserId = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()).sub

/** A relay on Bun's own WebSocket server, which verifies no token: about the least that a start and a message cost on Bun. */
const bareOnBun = () => {
  const { connect, fill } = createRelay((token) => Promise.resolve(readUserId(token)))
  const { port } = globalThis.Bun.serve({
    hostname: '127.0.0.1',
    port: fixedPort,
    fetch: (request, server) =>
      server.upgrade(request, { data: {}, headers: { 'Sec-WebSocket-Protocol': 'chat-session.v1' } })
        ? undefined
        : new Response(null, { status: 400 }),
    websocket: {
      open: (socket) => Object.assign(socket.data, connect(socket)),
      message: (socket, text) => socket.data.onMessage(text),
      close: (socket) => socket.data.onClose(),
    },
  })
  return { port, fill }
}

const socketIo = async () => {
  const { Server } = await import('socket.io')
  const server = createServer()
  const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false })
  io.use(async (socket, next) => {
    socket.data.userId = await verify(socket.handshake.auth.token)
    next()
  })
  return { port: await listen(server) }
}

const servers = {
  'chat-session, memory': () => ours(createMemoryEngine()),
  'chat-session, embedded': () => ours(createEmbeddedEngine({ path: process.env.BENCH_FOLDER })),
  'ws + jose': bare(verify),
  'ws + group commit': bare(verify, groupCommit),
  ws: bare(() => Promise.resolve('1')),
  'ws + pings': bare(() => Promise.resolve('1'), undefined, true),
  'Bun.serve': bareOnBun,
  'socket.io + jose': socketIo,
}

let endProfile
const { port, fill } = await servers[process.argv[2]]()
process.on('message', async (request) => {
  if (request.userIds) {
    for (const userId of request.userIds) await fill(userId, request.messages)
    return process.send({ filled: true })
  }
  if (request === 'profile CPU' || request === 'profile heap') {
    endProfile = await (request === 'profile CPU' ? profileCpu() : profileHeap())
    return process.send({})
  }
  if (request === 'end profile') return process.send(await endProfile())
  if (request === 'memory') return process.send(await readMemory())
  const { user, system } = process.cpuUsage()
  const { voluntaryContextSwitches: wakeUps } = process.resourceUsage()
  process.send({ cpu: user + system, wakeUps })
})
process.send({ port })
process.on('disconnect', () => process.exit())
