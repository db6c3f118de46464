/* global performance */
// The attacks of bench/attacks.mjs, which runs this file in a process of its own: node bench/attackers.mjs NAME.
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { createToken } from '../dist/tokens/index.js'
import { appId, secret } from './setting.mjs'

/** The attacker's addresses on loopback. Honest users come from another one. */
const ADDRESSES = Array.from({ length: 20 }, (_, index) => `127.0.0.${index + 10}`)
const [ADDRESS] = ADDRESSES

/** The gateway's answers, and how often each was received. */
const answers = new Map()
const record = (what) => answers.set(what, (answers.get(what) ?? 0) + 1)

const open = new Set()
const keep = (socket) => {
  open.add(socket)
  socket.once('close', () => open.delete(socket))
  return socket
}

let port
let scheme
let until = 0
let isQuick = false
const isOver = () => performance.now() > until
/** A quick run has a fifth of the load. */
const sized = (count) => (isQuick ? Math.ceil(count / 5) : count)

/**
 * A TCP connection, with TLS if the gateway has it. Records the status of an HTTP answer, the code of an `ended` frame, and how the
 * connection closes.
 */
const dial = (address = ADDRESS, { isPlain = scheme === 'ws', ...options } = {}) => {
  const target = { port, host: '127.0.0.1', localAddress: address, ...options }
  const socket = keep(isPlain ? connect(target) : connectTls({ ...target, rejectUnauthorized: false }))
  socket.once('data', (data) => {
    const status = /^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1]
    if (status) record(`HTTP ${status}`)
  })
  socket.on('data', (data) => {
    const text = data.toString('latin1')
    const code = /"ended","code":"([a-z-]+)"/.exec(text)?.[1]
    if (code) return record(`ended: ${code}`)
    // A close frame without one (RFC 6455, 5.5.1).
    const at = data.indexOf(0x88)
    if (at >= 0 && data.length >= at + 4) record(`close ${data.readUInt16BE(at + 2)}`)
  })
  socket.on('error', ({ code }) => record(code))
  socket.once('end', () => record('closed'))
  return socket
}

const handshake =
  `GET /v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat-session.v1\r\n\r\n`

/** The first bytes of a TLS record that says it has 512 bytes. */
const TLS_HELLO = Buffer.from('160301020001', 'hex')

/** A request of HTTP/1.1 that asks for another protocol, as `curl --http2` does. */
const H2C =
  'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n'

/** A WebSocket frame, masked with zeros (RFC 6455, 5.2). */
const wsFrame = (text, { opcode = 1, fin = true } = {}) => {
  const payload = Buffer.from(text)
  const size =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, ...size, 0, 0, 0, 0]), payload])
}

/** Opens `count` WebSockets that send no start, and writes `bytes` to each. With `reconnects` a closed one is replaced. */
const unauthenticated = async (
  count,
  bytes,
  { addresses = [ADDRESS], reconnects = false, firstBytes = handshake, ...options } = {},
) => {
  let next = 0
  const one = () => {
    const socket = dial(addresses[next++ % addresses.length], options)
    socket.once('connect', () => firstBytes && socket.write(firstBytes))
    if (bytes) socket.once('data', () => socket.write(bytes))
    if (reconnects) socket.once('close', () => setTimeout(() => !isOver() && one(), 200))
  }
  for (let index = 0; index < count && !isOver(); index += 1) {
    one()
    if (index % 100 === 99) await sleep(20)
  }
}

/** Repeats a frame to 64 kB. */
const repeated = (frame) => Buffer.concat(Array(Math.ceil(65_536 / frame.length)).fill(frame))

/** Opens raw WebSockets, writes `first`, and then `block` repeatedly as fast as possible. Replaces a closed socket. */
const pour = async (block, { connections = 5, bytes = 2_000_000_000, first } = {}) => {
  let left = sized(bytes)
  const worker = async () => {
    while (!isOver() && left > 0) {
      const socket = dial()
      socket.write(handshake)
      await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => undefined)
      if (first && !socket.destroyed) socket.write(first)
      while (!isOver() && left > 0 && !socket.destroyed) {
        left -= block.length
        await new Promise((resolve) => socket.write(block, resolve))
        await sleep(0)
      }
      socket.destroy()
      await sleep(10)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
}

/** Opens a session of one user. Records refused frames and the close. */
const session = async (userId, start = {}, { reads = true } = {}) => {
  const token = await createToken({ appId, userId, secret })
  const frame = Buffer.from(JSON.stringify({ type: 'start', appId, token, ...start })).toString('base64url')
  const socket = new WebSocket(
    `${scheme}://127.0.0.1:${port}/v1/session`,
    ['chat-session.v1', `start.${frame}`],
    {
      localAddress: ADDRESS,
      perMessageDeflate: false,
      rejectUnauthorized: false,
    },
  )
  keep(socket)
  socket.on('error', ({ message }) => record(message))
  socket.on('close', (code, reason) => record(`close ${code} ${reason}`))
  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString())
    if (frame.type === 'started') socket.started = frame
    if (frame.type === 'refused') record(`refused: ${frame.code}`)
    if (frame.type === 'history') record('history')
    if (frame.type === 'ping') socket.send('{"type":"pong"}')
    if (!reads && frame.type === 'message') socket._socket.pause()
  })
  const opened = await Promise.race([
    once(socket, 'message').then(() => true),
    once(socket, 'close').then(() => false),
  ])
  return { socket, token, opened }
}

/** Sends the frames of `frameOf` on many connections of one user as fast as possible. Replaces a closed connection. */
const flood = async (frameOf, { connections = 20, bytes = 2_000_000_000 } = {}) => {
  let left = sized(bytes)
  let sent = 0
  const worker = async () => {
    while (!isOver() && left > 0) {
      const { socket, token, opened } = await session('mallory')
      for (
        let index = 0;
        opened && !isOver() && left > 0 && socket.readyState === WebSocket.OPEN;
        index += 1
      ) {
        const text = frameOf({ token, started: socket.started, index: sent })
        sent += 1
        left -= text.length
        socket.send(text)
        if (socket.bufferedAmount > 262_144) await sleep(5)
        else if (index % 50 === 49) await sleep(0)
      }
      if (!opened) await sleep(50)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
}

const big = 'x'.repeat(60_000)
const json = JSON.stringify

/** Calls `one` this many times a second until the time is over. */
const atRate = async (perSecond, one) => {
  const began = performance.now()
  for (let count = 0; !isOver();) {
    const due = ((performance.now() - began) / 1_000) * perSecond
    while (count < due) one(count++)
    await sleep(5)
  }
}

/** Opens connections with a start in the handshake, `perSecond` a second. Each is closed after the answer. */
const starts = (perSecond, frameOf) =>
  atRate(perSecond, (index) => {
    if (open.size > 2_000) return
    const start = Buffer.from(json({ type: 'start', appId, ...frameOf(index) })).toString('base64url')
    const socket = keep(
      new WebSocket(`${scheme}://127.0.0.1:${port}/v1/session`, ['chat-session.v1', `start.${start}`], {
        localAddress: ADDRESS,
        perMessageDeflate: false,
        rejectUnauthorized: false,
      }),
    )
    socket.on('error', ({ message }) => record(message))
    socket.on('close', (code, reason) => record(`close ${code} ${reason}`))
    socket.on('message', (data) => data.includes('"started"') && (record('started'), socket.close(1000)))
  })

/** Puts 500 messages of 2 kB into the inbox of `mallory`, from users who each stay below their rate limit. */
const fillInbox = async () => {
  const senders = await Promise.all(Array.from({ length: 25 }, (_, index) => session(`accomplice-${index}`)))
  await session('mallory')
  for (const { socket } of senders)
    for (let index = 0; index < 20; index += 1)
      socket.send(json({ type: 'send', id: `fill-${index}`, to: 'mallory', body: 'x'.repeat(2_000) }))
  await sleep(500)
  for (const socket of open) socket.terminate()
}

/**
 * `gateway`: options of the gateway's process. `prepare` runs before the first calm run, `run` during the others. `isTls`: only with TLS.
 */
export const attacks = {
  'pipelined GETs, unread': {
    async run() {
      const socket = dial()
      socket.pause()
      const one = 'GET /v1/chat-session.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
      socket.write(one.repeat(sized(4_000_000) / one.length))
      while (!isOver()) await sleep(50)
    },
  },
  '60 kB of {} before a start': {
    run: () => unauthenticated(sized(800), wsFrame(`{"type":"pong","x":[${'{},'.repeat(20_000)}{}]}`)),
  },
  'small frames before a start': {
    run: () => unauthenticated(sized(800), Buffer.concat(Array(4_000).fill(wsFrame('{"type":"pong"}')))),
  },
  'fragments, never finished': {
    run: () =>
      unauthenticated(
        sized(800),
        Buffer.concat([
          wsFrame('{', { fin: false }),
          ...Array(16_300).fill(wsFrame('x', { opcode: 0, fin: false })),
        ]),
      ),
  },
  'WebSocket pings': {
    run: () => pour(repeated(wsFrame('x'.repeat(100), { opcode: 9 }))),
  },
  'WebSocket pongs': {
    run: () => pour(repeated(wsFrame('', { opcode: 10 }))),
  },
  'frames after the end': {
    run: () => pour(repeated(wsFrame('{"type":"pong"}')), { first: wsFrame('nonsense') }),
  },
  'idle sockets, 1,024 files': {
    gateway: { files: 1_024 },
    run: () => unauthenticated(980, null, { reconnects: true }),
  },
  'the same, 20 addresses': {
    gateway: { files: 1_024 },
    run: () => unauthenticated(1_500, null, { reconnects: true, addresses: ADDRESSES }),
  },
  'silent TCP sockets': {
    run: () => unauthenticated(sized(19_000), null, { firstBytes: '', addresses: ADDRESSES, isPlain: true }),
  },
  'half a TLS hello': {
    run: () =>
      unauthenticated(sized(5_000), null, { firstBytes: TLS_HELLO, addresses: ADDRESSES, isPlain: true }),
  },
  'TLS handshakes, 300/s': {
    isTls: true,
    run: () =>
      atRate(300, () => {
        if (open.size > 500) return
        const socket = dial()
        socket.once('secureConnect', () => socket.destroy())
      }),
  },
  'TLS renegotiations': {
    isTls: true,
    async run() {
      const worker = async () => {
        while (!isOver()) {
          const socket = dial(ADDRESS, { maxVersion: 'TLSv1.2' })
          await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]).catch(() => undefined)
          while (!isOver() && !socket.destroyed)
            await new Promise((resolve) => {
              socket.once('close', resolve)
              socket.renegotiate({}, resolve)
            })
        }
      }
      await Promise.all(Array.from({ length: 5 }, worker))
    },
  },
  'half requests': {
    run: () =>
      unauthenticated(sized(3_000), null, { firstBytes: handshake.slice(0, -2), addresses: ADDRESSES }),
  },
  'pipelined upgrades to HTTP/2': {
    async run() {
      while (!isOver()) {
        const socket = dial()
        socket.write(H2C.repeat(sized(500_000) / H2C.length))
        await Promise.race([once(socket, 'close'), sleep(500)])
        socket.destroy()
      }
    },
  },
  '30 kB headers, 700/s': {
    run: () =>
      atRate(700, () => {
        if (open.size > 1_000) return
        const socket = dial()
        socket.write(handshake.replace('\r\n\r\n', `\r\nX-Padding: ${'x'.repeat(30_000)}\r\n\r\n`))
        socket.once('data', () => socket.destroy())
      }),
  },
  'dripped request bodies': {
    async run() {
      const sockets = Array.from({ length: sized(1_000) }, () => dial())
      for (const socket of sockets)
        socket.write(
          'POST /v1/apps/bench/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n',
        )
      while (!isOver()) {
        for (const socket of sockets) if (socket.writable) socket.write('x')
        await sleep(500)
      }
    },
  },
  'refused starts, log unread': {
    gateway: { log: 'unread' },
    run: () => starts(500, (index) => ({ token: `not.a.token${index}` })),
  },
  'starts with 20 kB of token': {
    run: () => starts(300, () => ({ token: `${'eyJh'.repeat(2_000)}.${'eyJh'.repeat(3_000)}.AAAA` })),
  },
  'guests, one after the other': {
    run: () => starts(1_000, () => ({ appId: 'open', guest: true })),
  },
  'starts of one user': {
    async run() {
      const token = await createToken({ appId, userId: 'mallory', secret })
      await starts(1_000, () => ({ token }))
    },
  },
  'sends of 60 kB, refused': {
    run: () => flood(({ index }) => json({ type: 'send', id: `m${index}`, to: 'ann', body: big })),
  },
  'profiles of 60 kB': { run: () => flood(() => json({ type: 'profile', user: { name: big } })) },
  tokens: { run: () => flood(({ token }) => json({ type: 'token', token })) },
  'tokens of 60 kB': { run: () => flood(() => json({ type: 'token', token: big })) },
  'history in a loop': {
    prepare: fillInbox,
    run: () =>
      flood(({ started, index }) =>
        json({ type: 'history', id: `h${index}`, epoch: started.epoch, limit: 100 }),
      ),
  },
  reads: { run: () => flood(({ started }) => json({ type: 'read', epoch: started.epoch, offset: 0 })) },
  visibility: { run: () => flood(({ index }) => json({ type: 'visibility', hidden: index % 2 === 0 })) },
  pongs: { run: () => flood(() => '{"type":"pong"}') },
  'the whole inbox, again and again': {
    prepare: fillInbox,
    async run() {
      const worker = async () => {
        while (!isOver()) {
          const { socket, opened } = await session('mallory', { since: { epoch: 'another', offset: 0 } })
          if (opened && socket.readyState === WebSocket.OPEN) {
            socket.on('message', (data) => {
              if (JSON.parse(data.toString()).offset === socket.started.offset) socket.terminate()
            })
            await once(socket, 'close')
          }
          await sleep(0)
        }
      }
      await Promise.all(Array.from({ length: 15 }, worker))
    },
  },
  'replays, read slowly': {
    prepare: fillInbox,
    async run() {
      while (!isOver()) {
        const all = await Promise.all(
          Array.from({ length: 20 }, () =>
            session('mallory', { resume: { key: 'none', epoch: 'another', offset: 0 } }, { reads: false }),
          ),
        )
        for (let round = 0; round < 20 && !isOver(); round += 1) {
          await sleep(50)
          for (const { socket } of all) socket._socket?.resume()
        }
        for (const { socket } of all) socket.terminate()
      }
    },
  },
}

if (process.send) {
  const attack = attacks[process.argv[2]]
  process.on('disconnect', () => process.exit())
  process.on('message', async (order) => {
    ;({ port, scheme, isQuick } = order)
    until = performance.now() + order.seconds * 1_000
    if (order.do === 'prepare') await attack.prepare?.()
    else await attack.run()
    if (order.do === 'run') {
      while (!isOver()) await sleep(50)
      // The next calm run must find nothing of this one.
      for (const socket of open) (socket.terminate ?? socket.destroy).call(socket)
    }
    process.send({ answers: Object.fromEntries(answers) })
  })
}
