import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogin } from '../../../src/gateway/admin/login.js'

const token = 'the admin token of a test, 32 bytes'
const readToken = 'the read token of a test, 32 bytes.'

const setUp = (settings: { token: string; readToken: string | null } = { token, readToken }) => {
  let now = 0
  const login = createLogin(
    () => settings,
    () => now,
  )
  return {
    settings,
    check: (given: string, address = '10.0.0.1') => login.check(`Bearer ${given}`, address),
    checkHeader: (header: string | undefined) => login.check(header, '10.0.0.1'),
    wait: (seconds: number) => (now += 1_000 * seconds),
  }
}

const refused = { ok: false, retryAfter: 0 }

test('each admin token has its role, and no other text has one', () => {
  const { check, checkHeader } = setUp()
  assert.deepEqual(check(token), { ok: true, role: 'admin' })
  assert.deepEqual(check(readToken), { ok: true, role: 'read' })
  for (const header of [undefined, '', 'Bearer', 'Bearer ', `Basic ${token}`, token])
    assert.deepEqual(checkHeader(header), refused, header)
  for (const wrong of [`${token}x`, token.slice(1), token.toUpperCase(), 'undefined', 'null'])
    assert.deepEqual(check(wrong), refused, wrong)
})

test('without a read token only the admin token is accepted', () => {
  const { check } = setUp({ token, readToken: null })
  assert.deepEqual(check(token), { ok: true, role: 'admin' })
  assert.deepEqual(check('null'), refused)
})

test('after a reload only the new tokens are accepted', () => {
  const { check, settings } = setUp()
  settings.token = 'another token of a test, 32 bytes'
  assert.deepEqual(check(token), refused)
  assert.deepEqual(check(settings.token), { ok: true, role: 'admin' })
})

test('after ten failures an address has one attempt every ten seconds; others are not slowed down', () => {
  const { check, wait } = setUp()
  for (let i = 0; i < 10; i++) assert.deepEqual(check(`wrong ${i}`), refused)
  assert.deepEqual(check('wrong again'), { ok: false, retryAfter: 10 })
  assert.deepEqual(check('wrong elsewhere', '10.0.0.2'), refused)
  wait(10)
  assert.deepEqual(check('wrong once more'), refused)
  assert.deepEqual(check('and again'), { ok: false, retryAfter: 10 })
  wait(100)
  assert.deepEqual(check('wrong much later'), refused)
})

test('the right token is accepted while its address is throttled, and does not end the throttle', () => {
  const { check } = setUp()
  for (let i = 0; i < 1_000; i++) check(`wrong ${i}`)
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(check(token), { ok: true, role: 'admin' })
    assert.deepEqual(check(readToken), { ok: true, role: 'read' })
    assert.deepEqual(check(`wrong ${i}`), { ok: false, retryAfter: 10 })
  }
})

test('a scraper that goes on with an old token is not throttled', () => {
  const { check } = setUp()
  for (let i = 0; i < 100; i++) assert.deepEqual(check('the token before the rotation'), refused)
})

test('the addresses of one IPv6 network share their attempts', () => {
  const { check } = setUp()
  for (let i = 0; i < 10; i++) check(`wrong ${i}`, `2001:db8::${i + 1}`)
  assert.deepEqual(check('wrong again', '2001:db8::ffff'), { ok: false, retryAfter: 10 })
  assert.deepEqual(check('wrong again', '2001:db8:1::1'), refused)
})
