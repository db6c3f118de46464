import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  credentialStore,
  type CredentialStore,
  type CredentialFields,
} from '../../../src/session/credentials/credentials.js'
import type { FetchResult } from '../../../src/session/machine/state.js'
import { unverifiedSubject } from '../../../src/session/credentials/unverified-subject.js'
import type { AskReason, Credentials, TokenAsk, TokenFetcher } from '../../../src/session/index.js'

const life = new AbortController()
const fetcher = (): string => 'from.the.fetcher'
const authParams = { a: 1 }

const storeOf = (credentials: Credentials): CredentialStore => credentialStore(credentials, () => undefined)

const ask = (store: CredentialStore, reason: AskReason = 'first'): Promise<[FetchResult, unknown]> =>
  new Promise((resolve) => void store.fetch(reason, life.signal, (answer, cause) => resolve([answer, cause])))

/** A source that answers when the test calls `give`. */
const slowSource = (): {
  tokenFetcher: TokenFetcher
  asked: (TokenAsk & { give(token: string): void })[]
} => {
  const asked: (TokenAsk & { give(token: string): void })[] = []
  return { asked, tokenFetcher: (ask) => new Promise((give) => asked.push({ ...ask, give })) }
}

/** Resolves when all pending promises were handled. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a token comes before a source, and a source before credentials that cannot be renewed', () => {
  const all = { token: 't', tokenFetcher: fetcher, tokenUrl: '/t', signature: 's', authParams, guest: true }
  assert.deepEqual(storeOf(all).held(), { token: 't' })
  assert.equal(storeOf({ ...all, token: '' }).held(), null)
  assert.equal(storeOf({ ...all, token: null, tokenFetcher: null }).held(), null)
  const without = { ...all, token: null, tokenFetcher: undefined, tokenUrl: '' }
  assert.deepEqual(storeOf({ ...without, tokenUrl: null }).held(), { signature: 's' })
  assert.deepEqual(storeOf({ authParams, guest: true }).held(), { authParams })
  assert.deepEqual(storeOf({ guest: true }).held(), { guest: true })
  assert.equal(storeOf({}).held(), null)
})

test('a fetched token is the newest, and is held', async () => {
  const store = storeOf({ tokenFetcher: fetcher })
  assert.ok(store.fetchable())
  assert.equal(store.held(), null)
  assert.deepEqual(await ask(store), ['fresh', undefined])
  assert.deepEqual(store.held(), { token: 'from.the.fetcher' })
  assert.equal(store.held()?.token, 'from.the.fetcher')
})

test('the accepted token replaces a newest one that is refused', () => {
  const store = storeOf({ token: 'first' })
  assert.ok(store.set({ token: 'second' }))
  assert.equal(store.held()?.token, 'second')
  store.discard('newest')
  assert.equal(store.held()?.token, 'first')
  store.set({ token: 'third' })
  store.accept()
  store.discard('newest')
  assert.equal(store.held()?.token, 'third')
})

test('the token that the gateway gives replaces auth params, which are forgotten', () => {
  const store = storeOf({ authParams })
  store.accept('from.the.gateway')
  // The token names the user, so the start has no other id.
  assert.deepEqual(store.held(), { token: 'from.the.gateway', userId: undefined })
})

test('refused credentials are forgotten if a source can replace them, else kept', () => {
  for (const kept of [{ token: 't' }, { signature: 's' }, { guest: true }] as const) {
    const store = storeOf(kept)
    store.discard('all')
    assert.deepEqual(store.held(), kept)
  }
  const store = storeOf({ token: 't', tokenFetcher: fetcher })
  store.discard('all')
  assert.equal(store.held(), null)
})

test('a new source is used at the next fetch, and the held token stays', async () => {
  const store = storeOf({ token: 't' })
  assert.equal(store.set({ tokenFetcher: fetcher }), false)
  assert.deepEqual(store.held(), { token: 't' })
  await ask(store, 'expiring')
  assert.equal(store.held()?.token, 'from.the.fetcher')
})

test('an error of the callback is no failed fetch: it reaches the caller', async () => {
  const results: string[] = []
  const defect = new Error('a defect')
  const fetching = storeOf({ tokenFetcher: fetcher }).fetch('first', life.signal, (result) => {
    results.push(result)
    throw defect
  })
  await assert.rejects(async () => fetching, defect)
  assert.deepEqual(results, ['fresh'])
})

test('a later fetch cancels an earlier one and aborts its signal', async () => {
  const { tokenFetcher, asked } = slowSource()
  const store = storeOf({ tokenFetcher })
  const results: string[] = []
  void store.fetch('first', life.signal, () => results.push('first'))
  void store.fetch('rejected', life.signal, () => results.push('second'))
  assert.deepEqual(
    asked.map(({ signal }) => signal.aborted),
    [true, false],
  )
  asked[1]?.give('second.token.x')
  asked[0]?.give('first.token.x')
  await settled()
  assert.deepEqual(results, ['second'])
  assert.equal(store.held()?.token, 'second.token.x')
})

const ending = new AbortController()
const ways: [what: string, happens: (store: CredentialStore) => unknown, left: CredentialFields | null][] = [
  ['all is forgotten', (store) => store.discard('all'), null],
  ['a token is set', (store) => store.set({ token: 'set', tokenFetcher: fetcher }), { token: 'set' }],
  ['the session ends', () => ending.abort(), null],
]
for (const [what, happens, left] of ways)
  test(`a fetch is cancelled when ${what}, and changes nothing`, async () => {
    const { tokenFetcher, asked } = slowSource()
    const store = storeOf({ tokenFetcher })
    const results: string[] = []
    void store.fetch('first', ending.signal, (answer) => results.push(answer))
    store.discard('newest')
    assert.equal(asked[0]?.signal.aborted, false)
    happens(store)
    assert.equal(asked[0].signal.aborted, true)
    asked[0].give('late.token.x')
    await settled()
    assert.deepEqual(results, [])
    assert.deepEqual(store.held(), left)
  })

test('a source that is replaced during a fetch may still finish it; the next fetch uses the new one', async () => {
  const { tokenFetcher, asked } = slowSource()
  const store = storeOf({ tokenFetcher })
  const answered = ask(store)
  assert.equal(store.set({ tokenFetcher: fetcher }), false)
  asked[0]?.give('from.the.former')
  assert.deepEqual(await answered, ['fresh', undefined])
  assert.equal(store.held()?.token, 'from.the.former')
  await ask(store, 'expiring')
  assert.equal(store.held()?.token, 'from.the.fetcher')
})

test('a value that is no token is a failure, and without a source there is no-source', async () => {
  for (const nonsense of ['', 7, {}, undefined]) {
    const store = storeOf({ tokenFetcher: () => Promise.resolve(nonsense as string) })
    const [answer, cause] = await ask(store)
    assert.equal(answer, 'failed')
    assert.ok(cause instanceof TypeError)
    assert.equal(store.held(), null)
  }
  assert.deepEqual(await ask(storeOf({})), ['no-source', undefined])
})

test('the subject of a token is read without verification', () => {
  const payload = (claims: unknown): string => Buffer.from(JSON.stringify(claims)).toString('base64url')
  assert.equal(unverifiedSubject(`h.${payload({ sub: 'ann' })}.s`), 'ann')
  assert.equal(unverifiedSubject(`h.${payload({ sub: 'Zoë 😀???' })}.s`), 'Zoë 😀???')
  assert.equal(unverifiedSubject(`h.${payload({ sub: 7 })}.s`), '7')
  for (const token of [
    '',
    'a',
    'a.b.c',
    `h.${payload({ sub: 7.5 })}.s`,
    `h.${payload(null)}.s`,
    `h.${payload([])}.s`,
  ])
    assert.equal(unverifiedSubject(token), undefined, token)
})

test('a token that the page has set outlasts a page that is left, unless a source can replace it', () => {
  const store = storeOf({ token: 'first' })
  store.set({ token: 'second' })
  store.discard('all')
  assert.deepEqual(store.held(), { token: 'second' })
  store.discard('newest')
  assert.deepEqual(store.held(), { token: 'first' })
  const replaceable = storeOf({ token: 'first', tokenFetcher: fetcher })
  replaceable.set({ token: 'second', tokenFetcher: fetcher })
  replaceable.discard('all')
  assert.equal(replaceable.held(), null)
})
