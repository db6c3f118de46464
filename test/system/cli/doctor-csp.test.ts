import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allows, parsePolicies, sourcesOf } from '../../../src/cli/doctor/csp.js'

const page = new URL('https://www.example.com/shop')
const session = 'wss://chat.example.com/v1/session'

const cases: [sources: string, url: string, isAllowed: boolean][] = [
  ['wss://chat.example.com', session, true],
  ["'self' wss://chat.example.com", session, true],
  ['wss://*.example.com', session, true],
  ['wss:', session, true],
  ['ws:', session, true],
  ['*', session, true],
  ['ws://chat.example.com:*', session, true],
  ['wss://chat.example.com/v1/', session, true],
  ['wss://chat.example.com/v1/session', session, true],
  ['WSS://CHAT.example.com', session, true],
  ["'none'", session, false],
  ["'self'", session, false],
  ['https://chat.example.com', session, false],
  ['https:', session, false],
  ['wss://example.com', session, false],
  ['wss://*.chat.example.com', session, false],
  ['wss://chat.example.com:8443', session, false],
  ['wss://chat.example.com/v2/', session, false],
  // Some browsers only let a host without a scheme stand for its WebSocket.
  ['chat.example.com', session, false],
  ["'self'", 'wss://www.example.com/v1/session', true],
  ["'self'", 'https://www.example.com/x.js', true],
  ["'self'", 'wss://www.example.com:8443/v1/session', false],
  ['chat.example.com', 'https://chat.example.com/v1/chat-session.js', true],
  ['http://chat.example.com', 'https://chat.example.com/v1/chat-session.js', true],
  // Browsers let the port of http stand for that of https, although the specification does not say so.
  ['http://chat.example.com:80', 'https://chat.example.com/v1/chat-session.js', true],
  ['http://chat.example.com:80', 'https://chat.example.com:8443/v1/chat-session.js', false],
  ['https://chat.example.com:80', 'https://chat.example.com/v1/chat-session.js', false],
  ['http://chat.example.com:*', 'https://chat.example.com/v1/chat-session.js', true],
]
for (const [sources, url, isAllowed] of cases)
  test(`${sources} ${isAllowed ? 'allows' : 'forbids'} ${url}`, () => {
    assert.equal(allows(sources.split(' '), new URL(url), page), isAllowed)
  })

test("'self' of a page with http allows the same host with https, if both have the default port of their scheme", () => {
  const allowed = (url: string, from: string): boolean => allows(["'self'"], new URL(url), new URL(from))
  for (const url of ['https://www.example.com/x.js', 'wss://www.example.com/v1/session'])
    assert.ok(allowed(url, 'http://www.example.com/'), url)
  assert.ok(!allowed('https://www.example.com/x.js', 'http://www.example.com:8080/'))
  assert.ok(!allowed('ws://www.example.com/v1/session', 'https://www.example.com/'))
})

test('without a directive, nor default-src, everything is allowed', () => {
  const [policy] = parsePolicies("script-src 'self'")
  assert.ok(policy)
  assert.equal(sourcesOf(policy, 'connect-src'), undefined)
  assert.ok(allows(sourcesOf(policy, 'connect-src'), new URL(session), page))
})

test('policies are separated by commas, directives by semicolons, and the first of a name counts', () => {
  const policies = parsePolicies(" Connect-Src a b ; connect-src c;; default-src 'none', script-src d ,")
  assert.deepEqual(
    policies.map((policy) => [...policy]),
    [
      [
        ['connect-src', ['a', 'b']],
        ['default-src', ["'none'"]],
      ],
      [['script-src', ['d']]],
    ],
  )
  const [first] = policies
  assert.ok(first)
  assert.deepEqual(sourcesOf(first, 'connect-src'), ['a', 'b'])
  assert.deepEqual(sourcesOf(first, 'script-src-elem', 'script-src'), ["'none'"])
})
