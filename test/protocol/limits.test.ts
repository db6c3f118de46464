import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteLength, isAppId, isGuestId, isUserId, limits, VERSION } from '../../src/protocol/index.js'

/** Any text, with lone surrogates, which an encoder replaces. */
const anyString = fc.array(fc.nat(0xffff), { maxLength: 60 }).map((units) => String.fromCharCode(...units))

test('byteLength is the length in UTF-8, also with lone surrogates', () => {
  fc.assert(
    fc.property(fc.oneof(anyString, fc.string({ unit: 'binary' })), (text) => {
      assert.equal(byteLength(text), new TextEncoder().encode(text).length)
    }),
    { numRuns: 5_000 },
  )
})

test('a user id has 1 to 255 bytes, with any number of characters', () => {
  assert.equal(isUserId(''), false)
  assert.equal(isUserId('a'), true)
  for (const character of ['a', 'é', '€', '😀']) {
    const most = Math.floor(255 / byteLength(character))
    assert.equal(isUserId(character.repeat(most)), true, character)
    assert.equal(isUserId(character.repeat(most + 1)), false, character)
  }
  assert.equal(limits.userId, 255)
})

test('a user id has no control character at any position', () => {
  for (let code = 0; code <= 0xff; code += 1) {
    const control = code < 0x20 || (code >= 0x7f && code < 0xa0)
    for (const id of ['', 'a', 'z'].map((around) => `${around}${String.fromCharCode(code)}${around}`))
      assert.equal(isUserId(id), !control && id !== '.', JSON.stringify(id))
  }
})

test('a user id has no bidirectional format character, which would make one id look like another', () => {
  const marks = ['\u061c', '\u200e', '\u200f', '\u202a', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069']
  for (const mark of marks)
    for (const id of [mark, `a${mark}`, `${mark}a`, `a${mark}b`]) assert.equal(isUserId(id), false)
})

test('a user id is well-formed Unicode', () => {
  for (const id of ['\ud800', 'a\udc00', '\udc00\ud800', '😀\ud83d']) assert.equal(isUserId(id), false)
  fc.assert(
    fc.property(anyString, (id) => {
      if (isUserId(id)) assert.equal(new TextDecoder().decode(new TextEncoder().encode(id)), id)
    }),
  )
})

test("`.` and `..`, which disappear from a URL's path, are no user ids, but similar texts are", () => {
  for (const id of ['.', '..']) assert.equal(isUserId(id), false)
  for (const id of ['...', '.a', 'a.', ' ', '/', '%2e', 'guest:', 'e\u0301', '\u200d', '__proto__'])
    assert.equal(isUserId(id), true, id)
})

test('a guest’s id begins with exactly `guest:`', () => {
  assert.equal(isGuestId('guest:1'), true)
  for (const id of ['Guest:1', ' guest:1', 'guest', 'guests:1']) assert.equal(isGuestId(id), false)
})

test('an app id has 1 to 64 of letters, digits, - and _', () => {
  for (const id of ['a', 'hF83jaq', 'a-b_c', '0', 'x'.repeat(64), 'constructor'])
    assert.equal(isAppId(id), true)
  for (const id of ['', 'x'.repeat(65), 'a b', 'a.b', 'é', 'a\n', '\na', 'a/b'])
    assert.equal(isAppId(id), false)
})

test('the limits are those of the protocol', () => {
  assert.deepEqual(limits, {
    frame: 64 * 1024,
    profile: 4 * 1024,
    authParams: 4 * 1024,
    startHeader: 4_096,
    headers: 32 * 1024,
    userId: 255,
    messageId: 64,
    message: 16 * 1024,
  })
})

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  assert.equal(VERSION, version)
})
