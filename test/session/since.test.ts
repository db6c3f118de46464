// A page that a server drew from an inbox goes on live from there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatSession } from '../../src/session/index.js'
import { eventually, newSession, reaches } from '../support/clients/client-sessions.js'
import { startGateway } from '../support/gateway.js'
import { appId, tokenFor } from '../support/tokens.js'

const { gateway, url } = await startGateway()
const publish = (to: string, body: string) => gateway.publish({ appId, to, body })

const sinceOf = async (user: string): Promise<string> => {
  const { since } = await gateway.client(appId).listMessages({ user })
  return since ?? assert.fail('the page does not reach the newest message')
}

const bodiesOf = (session: ChatSession): unknown[] => {
  const bodies: unknown[] = []
  session.addEventListener('message', ({ detail }) => bodies.push(detail.message.body))
  return bodies
}

test('a start that was refused begins at `since` when it succeeds, and the next one does not', async () => {
  await publish('bob', 'drawn')
  const since = await sinceOf('bob')
  await publish('bob', 'later')
  const session = newSession({
    endpoint: url,
    user: { id: 'bob' },
    token: `${await tokenFor('bob')}x`,
    since,
  })
  const bodies = bodiesOf(session)
  assert.equal((await session.start()).failed, true)
  session.setToken(await tokenFor('bob'))
  await eventually(() => bodies.length === 1)
  await session.end()
  await session.start()
  await publish('bob', 'live')
  await eventually(() => bodies.includes('live'))
  assert.deepEqual(bodies, ['later', 'live'])
})

test('a malformed `since` is a hint in the console, and the session starts without it', async (context) => {
  const { mock } = context.mock.method(console, 'warn', () => undefined)
  await publish('dan', '1')
  for (const since of ['7', 'epoch/', 'epoch/-1', 'epoch/1.5', '/7']) {
    const session = newSession({ endpoint: url, token: await tokenFor('dan'), since })
    const bodies = bodiesOf(session)
    assert.equal((await session.start()).succeeded, true)
    await session.end()
    assert.deepEqual(bodies, [])
    assert.match(String(mock.calls.at(-1)?.arguments), /since.*EPOCH\/OFFSET/)
  }
  assert.equal(mock.callCount(), 5)
  for (const since of ['', null, undefined])
    newSession({ endpoint: url, token: await tokenFor('dan'), since })
  assert.equal(mock.callCount(), 5)
})

test('a session that ended by itself goes on from its last message, and one that was ended by hand does not', async () => {
  const session = newSession({ endpoint: url, token: await tokenFor('eve', { expiresIn: 2 }) })
  const bodies = bodiesOf(session)
  await session.start()
  await publish('eve', 'live')
  await reaches(session, 'ended')
  assert.equal(session.error?.code, 'token-expired')
  await publish('eve', 'missed')
  session.setToken(await tokenFor('eve', { expiresIn: 2 }))
  await eventually(() => bodies.length === 2)
  await reaches(session, 'ended')
  await publish('eve', 'missed before a start')
  session.setCredentials({ tokenFetcher: () => tokenFor('eve') })
  assert.equal((await session.start()).succeeded, true)
  await eventually(() => bodies.length === 3)
  await session.end()
  await publish('eve', 'after the end')
  await session.start()
  await publish('eve', 'new')
  await eventually(() => bodies.includes('new'))
  assert.deepEqual(bodies, ['live', 'missed', 'missed before a start', 'new'])
})

test('a session that ended by itself gives another user no message', async () => {
  const session = newSession({ endpoint: url, token: await tokenFor('fay', { expiresIn: 2 }) })
  const bodies = bodiesOf(session)
  await session.start()
  await publish('gil', 'of another user')
  await reaches(session, 'ended')
  session.setToken(await tokenFor('gil'))
  await reaches(session, 'failed')
  assert.equal(session.error?.code, 'bad-request')
  assert.deepEqual(bodies, [])
})
