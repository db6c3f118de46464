import assert from 'node:assert/strict'
import { mock, test, type TestContext } from 'node:test'
import { started, startScript, startScripted } from './scripted.js'
import { newSession, nextEvent, reaches } from '../support/clients/client-sessions.js'

const HOUR = 3_600_000

/** Moves the wall clock of this process by `by` milliseconds until the test is over. */
const setClock = (context: TestContext, by: number): void => {
  const now = Date.now.bind(Date)
  const clock = mock.method(Date, 'now', () => now() + by)
  context.after(() => clock.mock.restore())
}

test('an attempt that waits is made in time though the clock is set back an hour', async (context) => {
  const { session, ...script } = await startScripted(() => [started({ reconnectWindow: 500 })])
  const { socket } = await script.connection(0)
  const lost = nextEvent(session, 'state', ({ detail }) => detail.retryAt !== null)
  socket.terminate()
  await lost
  setClock(context, -HOUR)
  const { retryAt } = session
  assert.ok(retryAt && retryAt <= Date.now() + 500, 'retryAt is Unix time')
  await reaches(session, 'active')
})

for (const [direction, by] of [
  ['back', -HOUR],
  ['forward', HOUR],
] as const)
  test(`a token that is good for half an hour serves a reconnect after the clock is set ${direction} an hour`, async (context) => {
    const script = await startScript(() => [started({ expiresIn: HOUR / 2 })])
    const session = newSession({ endpoint: script.endpoint, token: 'a.b.c' })
    await session.start()
    const { socket } = await script.connection(0)
    setClock(context, by)
    const lost = reaches(session, 'reconnecting')
    socket.terminate()
    await lost
    await reaches(session, 'active')
    const { start } = await script.connection(1)
    assert.equal(start.token, 'a.b.c')
  })
