// A client that closes its side of the socket while much waits for it, and never reads.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { attachGateway } from '../../../support/gateway.js'
import { openSession, rawFrame } from '../../../support/clients/raw-session.js'
import { until } from '../../../support/until.js'

const { server, url } = await attachGateway(
  { limits: { requestsPerSecond: 100_000, bytesPerSecond: 100_000_000 } },
  { pingInterval: 1 },
)
const sockets: Socket[] = []
server.on('connection', (socket: Socket) => sockets.push(socket))

test('a client that half-closes and never reads is cut when its session times out', async () => {
  const { socket } = await openSession(url, 'eve')
  const [served] = sockets
  assert.ok(served)
  socket.pause()
  const refused = Buffer.concat(
    Array.from({ length: 100 }, () => rawFrame('text', '{"type":"read","epoch":"none","offset":0}')),
  )
  // The kernel's buffers take some of the answers. Beyond 1 MB the gateway would cut the socket at once.
  for (let turns = 0; turns < 10_000 && served.writableLength < 100_000 && !served.destroyed; turns++) {
    socket.write(refused)
    await setImmediate()
  }
  socket.end()
  await until('the end is read', () => served.readableEnded)
  assert.ok(served.writableLength > 0 && !served.destroyed, 'frames wait for the client')
  await until('the socket is destroyed', () => served.destroyed, true, 20_000)
  socket.destroy()
})
