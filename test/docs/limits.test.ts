// docs/LIMITS.md says what happens beyond every limit. docs/GATEWAY.md has the defaults of those that are settings.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { limits as ofApp, retention } from '../../src/gateway/config/app.js'
import { limits as ofProcess } from '../../src/gateway/config/schema.js'
import { limits, MAX_WATCHED, signalLimits } from '../../src/protocol/index.js'

const page = await readFile(new URL('../../docs/LIMITS.md', import.meta.url), 'utf8')

/** The first two cells of every row of the page's tables. */
const rows = [...page.matchAll(/^\| ([^|]+?) +\| ([^|]+?) +\|/gm)].map(([, limit = '', value = '']) => ({
  limit,
  value,
}))

test('docs/LIMITS.md has every limit of the config, and no other', () => {
  const named = rows.flatMap(({ limit }) => limit.match(/`(….)?limits\.\w+`/g) ?? [])
  const keys = [
    ...Object.keys(ofProcess.entries).map((key) => `\`limits.${key}\``),
    ...Object.keys(ofApp.entries).map((key) => `\`….limits.${key}\``),
  ]
  assert.deepEqual(named.sort(), keys.sort())
})

test('docs/LIMITS.md says how much an inbox keeps by default', () => {
  const { messages, days } = retention.entries
  assert.ok(
    page.includes(
      `keeps the newest ${messages.default.toLocaleString('en')} messages of the last ${days.default} days`,
    ),
  )
})

test('docs/LIMITS.md has the sizes of the protocol', () => {
  const { defaultTtl, ...ofSignal } = signalLimits
  const names: Record<keyof typeof limits, string> = {
    headers: 'headers of a request',
    startHeader: 'a start in the handshake',
    frame: 'a frame',
    authParams: 'auth params',
    profile: 'a profile',
    message: '`body` and `data` of a message',
    messageId: "a message's id",
    userId: 'a user id',
  }
  const sizes = [
    ...Object.entries(limits).map(([key, size]) => [names[key as keyof typeof limits], size] as const),
    ...Object.entries(ofSignal).map(([key, size]) => [`\`${key}\` of a signal`, size] as const),
    ['users of a `watch`', MAX_WATCHED] as const,
  ]
  for (const [name, size] of sizes) {
    const row = rows.find(({ limit }) => limit === name)
    assert.match(row?.value ?? '', new RegExp(`^${size.toLocaleString('en')}( |$)`), name)
  }
})
