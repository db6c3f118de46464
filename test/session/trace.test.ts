import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatSession, Credentials, Trace } from '../../src/session/index.js'
import { started, startScript } from './scripted.js'
import { eventually, newSession, nextEvent, reaches } from '../support/clients/client-sessions.js'
import { startServer } from '../support/network/http-server.js'

const issued = 'issued.by.gateway'
const resumeKey = 'key-of-the-session'

const backend = await startServer((_, response) =>
  response.end(JSON.stringify({ token: 'fetched.from.url' })),
)

let calls = 0
const ways: Record<string, Credentials> = {
  token: { token: 'token.of.ann' },
  tokenFetcher: {
    tokenFetcher: () =>
      (calls += 1) === 1 ? Promise.reject(new Error('no user for failed.token.text')) : 'token.from.fetcher',
  },
  tokenUrl: { tokenUrl: backend.url },
  signature: { signature: 'signature-of-ann' },
  authParams: { authParams: { password: 'password-of-ann' } },
  guest: { guest: true },
}
const secrets = [
  issued,
  resumeKey,
  'token.of.ann',
  'failed.token.text',
  'token.from.fetcher',
  'fetched.from.url',
  'signature-of-ann',
  'password-of-ann',
  'set.later.token',
]

for (const [way, credentials] of Object.entries(ways))
  test(`the trace of a session with ${way} has each step and no credentials`, async () => {
    const script = await startScript(() => [started({ resumeKey, token: issued })])
    const steps: Parameters<Trace>[] = []
    const session: ChatSession = newSession({
      endpoint: script.endpoint,
      user: { id: 'ann' },
      ...credentials,
      trace: (...step) => steps.push(step),
    })
    await session.start()
    const connection = await script.connection(0)
    session.setToken('set.later.token')
    await eventually(() => connection.of('token').length === 1)
    connection.send({
      type: 'refused',
      re: 'token',
      code: 'refused',
      message: 'set.later.token',
      retryable: false,
    })
    await nextEvent(session, 'error')
    connection.socket.terminate()
    await reaches(session, 'reconnecting')
    await reaches(session, 'active')
    const { start } = await script.connection(1)
    assert.equal(start.resume?.key, resumeKey)
    await session.end()

    const types = steps.map(([input]) => input['type'])
    assert.equal(types[0], 'start')
    assert.ok(types.includes('frame') && types.includes('closed'))
    assert.equal(types.at(-1), 'end')
    const names = steps.map(([, before, next]) => [before['name'], next['name']])
    assert.deepEqual(names[0], ['idle', 'starting'])
    assert.deepEqual(names.at(-1), ['active', 'ended'])
    assert.ok(steps.some(([, , , effects]) => effects.some((effect) => effect['do'] === 'open')))
    const traced = JSON.stringify(steps)
    for (const secret of secrets) assert.ok(!traced.includes(secret), secret)
  })

test('a token source that rejects with a value that JSON can’t write is asked again by a session with a trace', async () => {
  const script = await startScript(() => [started()])
  const reason: object = {
    toJSON() {
      throw new Error('This value has no JSON.')
    },
  }
  let asked = 0
  const inputs: unknown[] = []
  const session = newSession({
    endpoint: script.endpoint,
    user: { id: 'ann' },
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- A page may reject with any value.
    tokenFetcher: () => ((asked += 1) === 1 ? Promise.reject(reason) : 'token.from.fetcher'),
    trace: (input) => inputs.push(input['result']),
  })
  assert.equal((await session.start()).succeeded, true)
  assert.ok(inputs.includes('failed') && inputs.includes('fresh'))
})
