// A guest's id is in every message that the guest sends: knowing it must not be enough to become that guest.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient, startClient, type Frame } from '../../support/raw-client.js'
import { assemble } from '../../support/gateway/assembled-gateway.js'
import { startGateway } from '../../support/gateway.js'
import { guestStart } from '../../support/starts.js'

const tokenStart = ({ token }: Frame): Frame => ({ type: 'start', appId: 'app', token })

const idOf = ({ user }: Frame): string => (user as { id: string }).id

/** Starts a session and ends its connection; returns the first frame: `started` or `ended`. */
const start = async (url: string, frame: unknown): Promise<Frame> => {
  const client = openClient(url, { start: frame })
  const first = await client.next()
  client.close()
  return first
}

const production: Parameters<typeof startGateway>[0] = {
  environment: 'production',
  secrets: ['a secret of thirty-two bytes and more'],
  signatureSecrets: [],
  origins: ['https://www.example.com'],
  guests: true,
}

// The gateways start before the first test: one that opens while no test runs is closed with the file's tests.
const running = [
  { environment: 'test', ...(await startGateway()) },
  { environment: 'production', ...(await startGateway(production)) },
]
for (const { environment, url } of running) {
  test(`an id that the gateway chose is started again with its guest’s token only, and gets no new token (${environment})`, async () => {
    const first = await start(url, guestStart)
    assert.match(idOf(first), /^guest:~.{10,}$/)
    const again = await start(url, tokenStart(first))
    assert.equal(idOf(again), idOf(first))
    assert.deepEqual([again['guest'], 'token' in again], [true, false])
    const other = await start(url, { ...guestStart, userId: idOf(first) })
    assert.deepEqual([other.type, other['code']], ['ended', 'bad-request'])
  })

  test(`an id that begins with ~ can’t be asked for (${environment})`, async () => {
    for (const userId of ['~', '~bob', 'guest:~bob', 'guest:~'])
      assert.equal((await start(url, { ...guestStart, userId }))['code'], 'bad-request', userId)
  })
}

test('in a production app an id that exists is refused without its token', async () => {
  const { url } = await startGateway({ ...production, profiles: 'anyone' })
  const first = await startClient(url, { ...guestStart, userId: 'bob', user: { name: 'Bob' } })
  for (const userId of ['bob', 'guest:bob']) {
    const other = await start(url, { ...guestStart, userId, user: { name: 'Eve' } })
    assert.deepEqual([other['code'], other['retryable']], ['unauthenticated', false])
  }
  const again = await start(url, tokenStart(first.started))
  assert.deepEqual(again['user'], { id: 'guest:bob', name: 'Bob' })
})

test('of twenty guests who ask for one id at once one gets it, with its own profile', async () => {
  // No look-up is answered before all twenty have asked, so that none of them finds the id.
  let lookups = 0
  let answerAll = (): void => undefined
  const allAsked = new Promise<void>((resolve) => (answerAll = resolve))
  const { url } = await assemble(
    (engine) => ({
      user: async (of) => {
        const user = await engine.user(of)
        if (++lookups === 20) answerAll()
        await allAsked
        return user
      },
    }),
    undefined,
    undefined,
    { ...production, profiles: 'anyone' },
  )
  const clients = Array.from({ length: 20 }, (_, index) =>
    openClient(url, { start: { ...guestStart, userId: 'bob', user: { name: `${index}` } } }),
  )
  const first = await Promise.all(clients.map((client) => client.next()))
  const started = first.filter(({ type }) => type === 'started')
  assert.equal(started.length, 1)
  assert.ok(first.every(({ type, code }) => type === 'started' || code === 'unauthenticated'))
  const [winner] = started
  assert.ok(winner)
  const again = await start(url, tokenStart(winner))
  assert.deepEqual(again['user'], winner['user'])
})

test('a token of a guest who is no longer kept, or was created a second time, starts a new guest', async () => {
  let change = (user: { createdAt: number }): { createdAt: number } | null => user
  const { url } = await assemble((engine) => ({
    user: async (of) => {
      const user = await engine.user(of)
      return user && (change(user) as typeof user | null)
    },
  }))
  for (const wish of [{}, { userId: 'bob' }]) {
    change = (user) => user
    const first = await start(url, { ...guestStart, ...wish })
    assert.equal(idOf(await start(url, tokenStart(first))), idOf(first))
    for (const without of [
      () => null,
      (user: { createdAt: number }) => ({ ...user, createdAt: user.createdAt + 1 }),
    ]) {
      change = without
      const fresh = await start(url, { ...tokenStart(first), userId: idOf(first) })
      assert.match(idOf(fresh), /^guest:~/)
      assert.notEqual(idOf(fresh), idOf(first))
      change = (user) => user
      assert.equal(idOf(await start(url, tokenStart(fresh))), idOf(fresh))
    }
  }
})
