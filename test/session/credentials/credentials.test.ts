import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  credentialStore,
  type CredentialStore,
  type CredentialFields,
} from '../../../src/session/credentials/credentials.js'
import { holdClock } from '../../support/held-clock.js'
import type { FetchResult } from '../../../src/session/machine/state.js'
import { unverifiedSubject } from '../../../src/session/credentials/unverified-subject.js'
import type { AskReason, Credentials, TokenAsk, TokenFetcher } from '../../../src/session/index.js'

const life = new AbortController()
const fetcher = (): string => 'from.the.fetcher'
const authParams = { a: 1 }

const storeOf = (credentials: Credentials): CredentialStore => credentialStore(credentials, () => undefined)

const ask = (store: CredentialStore, reason: AskReason = 'first'): Promise<FetchResult> =>
  new Promise((resolve) => void store.fetch(reason, life.signal, resolve))

const fieldsOf = (store: CredentialStore): CredentialFields | undefined => store.held()?.fields

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
  assert.deepEqual(fieldsOf(storeOf(all)), { token: 't' })
  assert.equal(storeOf({ ...all, token: '' }).held(), null)
  assert.equal(storeOf({ ...all, token: null, tokenFetcher: null }).held(), null)
  const without = { ...all, token: null, tokenFetcher: undefined, tokenUrl: '' }
  assert.deepEqual(fieldsOf(storeOf({ ...without, tokenUrl: null })), { signature: 's' })
  assert.deepEqual(fieldsOf(storeOf({ authParams, guest: true })), { authParams })
  assert.deepEqual(fieldsOf(storeOf({ guest: true })), { guest: true })
  assert.equal(storeOf({}).held(), null)
})

test('a fetched token is the newest, and is held', async () => {
  const store = storeOf({ tokenFetcher: fetcher })
  assert.ok(store.fetchable())
  assert.equal(store.held(), null)
  assert.deepEqual(await ask(store), { result: 'fresh' })
  assert.deepEqual(fieldsOf(store), { token: 'from.the.fetcher' })
  assert.equal(fieldsOf(store)?.token, 'from.the.fetcher')
})

test('a source that has not answered after 30 seconds has failed, and its late answer is ignored', async (t) => {
  const clock = holdClock(t)
  const { asked, tokenFetcher } = slowSource()
  const store = storeOf({ tokenFetcher })
  const late = ask(store)
  clock.advance(29_999)
  const again = ask(store)
  clock.advance(30_000)
  const { result } = await again
  assert.equal(result, 'failed')
  assert.deepEqual(
    asked.map(({ signal }) => signal.aborted),
    [true, true],
  )
  for (const { give } of asked) give('a.b.c')
  await settled()
  assert.equal(store.held(), null)
  assert.equal(await Promise.race([late, Promise.resolve('no result')]), 'no result')
})

test('the accepted token replaces a newest one that is refused', () => {
  const store = storeOf({ token: 'first' })
  assert.ok(store.set({ token: 'second' }))
  assert.equal(fieldsOf(store)?.token, 'second')
  store.discard('newest')
  assert.equal(fieldsOf(store)?.token, 'first')
  store.set({ token: 'third' })
  store.accept()
  store.discard('newest')
  assert.equal(fieldsOf(store)?.token, 'third')
})

test('the token that the gateway gives replaces auth params, which are forgotten', () => {
  const store = storeOf({ authParams })
  store.accept('from.the.gateway')
  const fields = { token: 'from.the.gateway' }
  assert.deepEqual(store.held(), { from: 'gateway', fields, isGuest: false })
})

test('refused credentials are forgotten if a source can replace them, else kept', () => {
  for (const kept of [{ token: 't' }, { signature: 's' }, { guest: true }] as const) {
    const store = storeOf(kept)
    store.discard('all')
    assert.deepEqual(fieldsOf(store), kept)
  }
  const store = storeOf({ token: 't', tokenFetcher: fetcher })
  store.discard('all')
  assert.equal(store.held(), null)
})

test('a new source is used at the next fetch, and the held token stays', async () => {
  const store = storeOf({ token: 't' })
  assert.equal(store.set({ tokenFetcher: fetcher }), false)
  assert.deepEqual(fieldsOf(store), { token: 't' })
  await ask(store, 'expiring')
  assert.equal(fieldsOf(store)?.token, 'from.the.fetcher')
})

test('an error of the callback is no failed fetch: it reaches the caller', async () => {
  const results: string[] = []
  const defect = new Error('a defect')
  const fetching = storeOf({ tokenFetcher: fetcher }).fetch('first', life.signal, ({ result }) => {
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
  assert.equal(fieldsOf(store)?.token, 'second.token.x')
})

const ending = new AbortController()
const ways: [
  what: string,
  happens: (store: CredentialStore) => unknown,
  left: CredentialFields | undefined,
][] = [
  ['all is forgotten', (store) => store.discard('all'), undefined],
  ['a token is set', (store) => store.set({ token: 'set', tokenFetcher: fetcher }), { token: 'set' }],
  ['the session ends', () => ending.abort(), undefined],
]
for (const [what, happens, left] of ways)
  test(`a fetch is cancelled when ${what}, and changes nothing`, async () => {
    const { tokenFetcher, asked } = slowSource()
    const store = storeOf({ tokenFetcher })
    const results: string[] = []
    void store.fetch('first', ending.signal, ({ result }) => results.push(result))
    store.discard('newest')
    assert.equal(asked[0]?.signal.aborted, false)
    happens(store)
    assert.equal(asked[0].signal.aborted, true)
    asked[0].give('late.token.x')
    await settled()
    assert.deepEqual(results, [])
    assert.deepEqual(fieldsOf(store), left)
  })

test('a source that is replaced during a fetch may still finish it; the next fetch uses the new one', async () => {
  const { tokenFetcher, asked } = slowSource()
  const store = storeOf({ tokenFetcher })
  const answered = ask(store)
  assert.equal(store.set({ tokenFetcher: fetcher }), false)
  asked[0]?.give('from.the.former')
  assert.deepEqual(await answered, { result: 'fresh' })
  assert.equal(fieldsOf(store)?.token, 'from.the.former')
  await ask(store, 'expiring')
  assert.equal(fieldsOf(store)?.token, 'from.the.fetcher')
})

test('a value that is no token is a failure, and without a source there is no-source', async () => {
  for (const nonsense of ['', 7, {}, undefined]) {
    const store = storeOf({ tokenFetcher: () => Promise.resolve(nonsense as string) })
    const result = await ask(store)
    assert.ok(result.result === 'failed' && result.cause instanceof TypeError)
    assert.equal(store.held(), null)
  }
  assert.deepEqual(await ask(storeOf({})), { result: 'no-source' })
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
  assert.deepEqual(fieldsOf(store), { token: 'second' })
  store.discard('newest')
  assert.deepEqual(fieldsOf(store), { token: 'first' })
  const replaceable = storeOf({ token: 'first', tokenFetcher: fetcher })
  replaceable.set({ token: 'second', tokenFetcher: fetcher })
  replaceable.discard('all')
  assert.equal(replaceable.held(), null)
})
