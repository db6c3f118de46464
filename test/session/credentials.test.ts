import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  credentialStore,
  type CredentialStore,
  type CredentialFields,
} from '../../src/session/credentials.js'
import type { FetchResult } from '../../src/session/machine/state.js'
import { unverifiedSubject } from '../../src/session/unverified-subject.js'
import type { AskReason, Credentials, TokenAsk, TokenFetcher } from '../../src/session/index.js'

const life = new AbortController()
const fetcher = (): string => 'from.the.fetcher'
const authParams = { a: 1 }

const storeOf = (credentials: Credentials): CredentialStore => credentialStore(credentials, () => undefined)

const ask = (store: CredentialStore, reason: AskReason = 'first'): Promise<[FetchResult, unknown]> =>
  new Promise((resolve) => store.fetch(reason, life.signal, (answer, cause) => resolve([answer, cause])))

/** A source that answers when the test calls `give`. */
const slowSource = (): {
  tokenFetcher: TokenFetcher
  asked: (TokenAsk & { give(token: string): void })[]
} => {
  const asked: (TokenAsk & { give(token: string): void })[] = []
  return { asked, tokenFetcher: (ask) => new Promise((give) => asked.push({ ...ask, give })) }
}

/** Whatever was answered has been taken in. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a token at hand is used first, then a source is asked, then what cannot be renewed', () => {
  const all = { token: 't', tokenFetcher: fetcher, tokenUrl: '/t', signature: 's', authParams, guest: true }
  assert.deepEqual(storeOf(all)._held(), { token: 't' })
  assert.equal(storeOf({ ...all, token: '' })._held(), null)
  assert.equal(storeOf({ ...all, token: null, tokenFetcher: null })._held(), null)
  const without = { ...all, token: null, tokenFetcher: undefined, tokenUrl: '' }
  assert.deepEqual(storeOf({ ...without, tokenUrl: null })._held(), { signature: 's' })
  assert.deepEqual(storeOf({ authParams, guest: true })._held(), { authParams })
  assert.deepEqual(storeOf({ guest: true })._held(), { guest: true })
  assert.equal(storeOf({})._held(), null)
})

test('what was asked for is the newest, and is at hand', async () => {
  const store = storeOf({ tokenFetcher: fetcher })
  assert.ok(store._fetchable())
  assert.equal(store._held(), null)
  assert.deepEqual(await ask(store), ['fresh', undefined])
  assert.deepEqual(store._held(), { token: 'from.the.fetcher' })
  assert.equal(store.token(), 'from.the.fetcher')
})

test('a newest token that is refused gives way to the one before; one that was kept does not', () => {
  const store = storeOf({ token: 'first' })
  assert.ok(store.set({ token: 'second' }))
  assert.equal(store.token(), 'second')
  store.discard('newest')
  assert.equal(store.token(), 'first')
  store.set({ token: 'third' })
  store._accept()
  store.discard('newest')
  assert.equal(store.token(), 'third')
})

test('the token that the gateway gives takes the place of auth params, which are forgotten', () => {
  const store = storeOf({ authParams })
  store._accept('from.the.gateway')
  assert.deepEqual(store._held(), { token: 'from.the.gateway' })
})

test('what a source can replace is forgotten when it is refused; what nothing can replace is kept', () => {
  for (const kept of [{ token: 't' }, { signature: 's' }, { guest: true }] as const) {
    const store = storeOf(kept)
    store.discard('all')
    assert.deepEqual(store._held(), kept)
  }
  const store = storeOf({ token: 't', tokenFetcher: fetcher })
  store.discard('all')
  assert.equal(store._held(), null)
})

test('a new source is used at the next ask, and takes nothing away', async () => {
  const store = storeOf({ token: 't' })
  assert.equal(store.set({ tokenFetcher: fetcher }), false)
  assert.deepEqual(store._held(), { token: 't' })
  await ask(store, 'expiring')
  assert.equal(store.token(), 'from.the.fetcher')
})

test('a later ask makes the answer to an earlier one void, and tells it so', async () => {
  const { tokenFetcher, asked } = slowSource()
  const store = storeOf({ tokenFetcher })
  const results: string[] = []
  store.fetch('first', life.signal, () => results.push('first'))
  store.fetch('rejected', life.signal, () => results.push('second'))
  assert.deepEqual(
    asked.map(({ signal }) => signal.aborted),
    [true, false],
  )
  asked[1]?.give('second.token.x')
  asked[0]?.give('first.token.x')
  await settled()
  assert.deepEqual(results, ['second'])
  assert.equal(store.token(), 'second.token.x')
})

const ending = new AbortController()
const ways: [what: string, happens: (store: CredentialStore) => unknown, left: CredentialFields | null][] = [
  ['all is forgotten', (store) => store.discard('all'), null],
  ['a token is set', (store) => store.set({ token: 'set', tokenFetcher: fetcher }), { token: 'set' }],
  ['the session ends', () => ending.abort(), null],
]
for (const [what, happens, left] of ways)
  test(`what is asked for when ${what} is not wanted any more, and changes nothing`, async () => {
    const { tokenFetcher, asked } = slowSource()
    const store = storeOf({ tokenFetcher })
    const results: string[] = []
    store.fetch('first', ending.signal, (answer) => results.push(answer))
    store.discard('newest')
    assert.equal(asked[0]?.signal.aborted, false)
    happens(store)
    assert.equal(asked[0].signal.aborted, true)
    asked[0].give('late.token.x')
    await settled()
    assert.deepEqual(results, [])
    assert.deepEqual(store._held(), left)
  })

test('a source that is replaced while it is asked may still answer; the next ask is of the new one', async () => {
  const { tokenFetcher, asked } = slowSource()
  const store = storeOf({ tokenFetcher })
  const answered = ask(store)
  assert.equal(store.set({ tokenFetcher: fetcher }), false)
  asked[0]?.give('from.the.former')
  assert.deepEqual(await answered, ['fresh', undefined])
  assert.equal(store.token(), 'from.the.former')
  await ask(store, 'expiring')
  assert.equal(store.token(), 'from.the.fetcher')
})

test('a value that is no token is a failure, and without a source there is no-source', async () => {
  for (const nonsense of ['', 7, {}, undefined]) {
    const store = storeOf({ tokenFetcher: () => Promise.resolve(nonsense as string) })
    const [answer, cause] = await ask(store)
    assert.equal(answer, 'failed')
    assert.ok(cause instanceof TypeError)
    assert.equal(store._held(), null)
  }
  assert.deepEqual(await ask(storeOf({})), ['no-source', undefined])
})

test('whom a token says it is for can be read without believing it', () => {
  const payload = (claims: unknown): string => Buffer.from(JSON.stringify(claims)).toString('base64url')
  assert.equal(unverifiedSubject(`h.${payload({ sub: 'ann' })}.s`), 'ann')
  assert.equal(unverifiedSubject(`h.${payload({ sub: 'Zoë 😀???' })}.s`), 'Zoë 😀???')
  for (const token of [
    '',
    'a',
    'a.b.c',
    `h.${payload({ sub: 7 })}.s`,
    `h.${payload(null)}.s`,
    `h.${payload([])}.s`,
  ])
    assert.equal(unverifiedSubject(token), undefined, token)
})
