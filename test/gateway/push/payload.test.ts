import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppPush } from '../../../src/gateway/apps/vapid.js'
import { pushPayload } from '../../../src/gateway/push/payload.js'
import { isUserId } from '../../../src/protocol/limits.js'
import type { Payload } from '../../support/push/push-service.js'

/** The longest ids: of characters that JSON escapes, that take nine characters in a URL, and that take twelve. */
const longIds = ['"'.repeat(255), '€'.repeat(85), '😀'.repeat(63)]

const settingsOf = (changes: Partial<AppPush['settings']> = {}) =>
  ({
    ...{ title: 'New message', content: 'full', url: 'https://www.example.com/messages?from={from}' },
    ...changes,
  }) as AppPush['settings']

const payloadOf = (userId: string, from: string | null, message = {}, settings = settingsOf()) => {
  const text = pushPayload(
    { appId: 'a'.repeat(64), userId },
    settings,
    { offset: Number.MAX_SAFE_INTEGER, from, sender: null, ...message },
    Number.MAX_SAFE_INTEGER,
  )
  const bytes = Buffer.byteLength(text)
  assert.ok(bytes <= 3_000, `${userId} ${String(from)}: ${bytes} bytes`)
  return { ...(JSON.parse(text) as Payload).notification, bytes }
}

test('a push has at most 3,000 bytes, whatever the ids, the names, the message and the config', () => {
  const long = { sender: { name: '"'.repeat(2_000) }, body: '"'.repeat(8_000) }
  const base = 'https://www.example.com/'
  const urls = [
    `${base}{from}`,
    `${base}${'{from}'.repeat(160)}`,
    `${base}${'a'.repeat(990)}{from}`,
    `${base}${'€'.repeat(330)}{from}`,
  ]
  for (const url of urls)
    for (const title of ['New message', '\u0001'.repeat(100)])
      for (const content of ['full', 'none'] as const)
        for (const userId of longIds)
          for (const from of [...longIds, null]) {
            assert.ok(isUserId(userId))
            const settings = settingsOf({ url, title, content })
            const defaultTitle = payloadOf(userId, from, {}, settings).title
            for (const message of [{}, { body: 'Hello' }, long]) {
              const { data, title: shownTitle, body, navigate } = payloadOf(userId, from, message, settings)
              assert.deepEqual([data.user, data.from], [userId, from])
              assert.ok(URL.canParse(navigate))
              if (content === 'none') assert.deepEqual([shownTitle, body], [defaultTitle, undefined])
            }
          }
})

test('the body is cut first, and the link keeps the longest sender', () => {
  const body = 'Hello, '.repeat(1_000)
  for (const from of longIds) {
    const shown = payloadOf('ada', from, { sender: { name: 'Bob' }, body })
    assert.equal(shown.title, 'Bob')
    assert.match(shown.body ?? '', /^Hello, .*…$/)
    assert.equal(shown.navigate, `https://www.example.com/messages?from=${encodeURIComponent(from)}`)
  }
  const long = longIds[0] ?? ''
  assert.match(payloadOf(long, long, { body }).body ?? '', /^Hello, .*…$/)
})

test('a body is cut between two characters, and fills what is left', () => {
  const body = '😀"'.repeat(2_000)
  const { body: shown = '', bytes } = payloadOf('ada', 'bob', { body })
  assert.ok(shown.endsWith('…') && body.startsWith(shown.slice(0, -1)))
  assert.doesNotMatch(shown, /\p{Surrogate}/u)
  assert.ok(bytes > 2_988, `${bytes} bytes`)
})

test('a long name leaves room for the body, and an id is percent-encoded in the link and in the tag', () => {
  const shown = payloadOf('ada', 'a&b=/#:', { sender: { name: 'é'.repeat(1_900) }, body: 'Hello' })
  assert.deepEqual([shown.title, shown.body], [`${'é'.repeat(126)}…`, 'Hello'])
  assert.equal(shown.navigate, 'https://www.example.com/messages?from=a%26b%3D%2F%23%3A')
  assert.equal(shown.tag, `chat-session:${'a'.repeat(64)}:ada:a%26b%3D%2F%23%3A`)
})

test('where a long link leaves no room, the push shows that there is a message, and the link lacks the sender', () => {
  const long = longIds[0] ?? ''
  const url = `https://www.example.com/?${'a'.repeat(900)}&{from}{from}`
  const shown = payloadOf(long, long, { sender: { name: 'Bob' }, body: 'Hello' }, settingsOf({ url }))
  assert.equal(shown.title, 'New message')
  assert.equal(shown.body, undefined)
  assert.equal(shown.navigate, url.replaceAll('{from}', ''))
})

test('the tag of a long id is the same for each message, and another for each user and sender', () => {
  const ids = [...longIds, `${'"'.repeat(254)}a`, 'ada', null]
  const tags = ids.flatMap((from) => longIds.map((userId) => payloadOf(userId, from).tag))
  assert.equal(new Set(tags).size, tags.length)
  assert.equal(
    payloadOf('ada', longIds[1] ?? '', { body: 'x'.repeat(9_000) }).tag,
    payloadOf('ada', longIds[1] ?? '').tag,
  )
})
