// Connections that leave early. test/gateway/limits has the limits themselves, and runs on both runtimes.
import { startOf } from '../../support/starts.js'
import { handshake, openClient, openRaw, startProtocol } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { serveOnBoth, testOnBoth } from './serve.js'

/** How many connections are left for the clients of a test. */
const ROOM = 40
const left = await serveOnBoth({
  startTimeout: 60,
  limits: { connections: ROOM, connectionsPerAddress: 1_000, connectionsPerSecondPerAddress: 1_000 },
})

testOnBoth('clients that leave before their handshake is answered take up no room', async (runtime) => {
  const url = left(runtime)
  const start = startProtocol(await startOf('ada'))
  const offers = `chat-session.v1, ${start}`
  // These are more connections than the gateway answers in one turn.
  const leaving = await Promise.all(Array.from({ length: 2 * ROOM }, () => openRaw(url)))
  for (const { socket } of leaving)
    socket.write(handshake({ 'Sec-WebSocket-Protocol': offers }), () => socket.destroy())
  await Promise.all(leaving.map(({ closed }) => closed))
  const frames = await Promise.all(Array.from({ length: ROOM }, (_, index) => startOf(`user-${index}`)))
  await until('room for all', async () => {
    const clients = frames.map((frame) => openClient(url, { start: frame }))
    const started = await Promise.all(
      clients.map((client) =>
        Promise.race([client.next('started').then(() => true), client.closed.then(() => false)]),
      ),
    )
    for (const client of clients) client.close()
    await Promise.all(clients.map(({ closed }) => closed))
    return started.every(Boolean)
  })
})
