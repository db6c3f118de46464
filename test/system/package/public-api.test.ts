// public-api.txt has the types that users of the package compile against, so that a change of one is seen in review.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { configGuide } from '../../../scripts/build/config-types.mjs'
import { publicApi, readPublicApi } from '../../../scripts/build/public-api.mjs'
import { packageJson } from './manifest.js'
import { root } from './packed.js'

const committed = readPublicApi()

test('the public types are those of public-api.txt', () => {
  assert.equal(publicApi(), committed, 'Run: npm run api. Its diff is what users of the package will notice.')
})

test('docs/GATEWAY.md has the table that the rows of the config make', async () => {
  const guide = readFileSync(join(root, 'docs/GATEWAY.md'), 'utf8')
  assert.equal(await configGuide(), guide, 'Run: npm run api')
})

/** The names in the list of an entry, as `./tokens`. */
const namesOf = (entry: string): string[] => {
  const title = join('chat-session', entry)
  const list = committed.split('\n\n').find((part) => part.split('\n')[0] === title)
  return list?.split('\n').map((line) => line.trim()) ?? assert.fail(entry)
}

test('public-api.txt has every name that an entry exports to JavaScript', async () => {
  for (const [entry, files] of Object.entries(packageJson.exports)) {
    // Entries without types are no modules.
    if (typeof files === 'string' || files['types'] === undefined) continue
    const path = join(root, files['default'] ?? assert.fail(entry))
    const exported = Object.keys((await import(pathToFileURL(path).href)) as object)
    const names = namesOf(entry)
    assert.deepEqual(
      exported.filter((name) => !names.includes(name)),
      [],
      entry,
    )
  }
})

test('public-api.txt has the methods of the public classes, and neither private members nor comments', () => {
  assert.match(committed, /^export declare class ChatSession extends .*\n(?: {4}.*\n)*? {4}start\(/m)
  assert.match(committed, /^ {4}whenStarted\(\): Promise<ChatSession>;$/m)
  assert.doesNotMatch(committed, /\bprivate\b|^ *#|\/\*\*/m)
})

const { ownMembers, sessionMembers } = (await import(
  pathToFileURL(join(root, 'rollup.config.mjs')).href
)) as Record<'ownMembers' | 'sessionMembers', string>

/** Returns the public members of the types in these modules. */
const membersOf = (...modules: string[]): Set<string> => {
  const parts = committed
    .split('\n\n')
    .filter((part) => modules.some((module) => part.startsWith(`// ${module}/`)))
  const names = parts.join('\n').matchAll(/^ +(?:(?:readonly|protected|get|set|static) )*(\w+)\??[:(<]/gm)
  return new Set([...names].map(([, name = '']) => name))
}

test('no member that the scripts for a script tag have under a shorter name is public', () => {
  const ofSession = membersOf('element', 'protocol', 'session')
  const ofWindow = membersOf('element', 'protocol', 'session', 'window')
  for (const name of ['until', 'whenStarted', 'peer', 'photoUrl']) assert.ok(ofWindow.has(name), name)
  for (const [list, members] of [
    [sessionMembers, ofSession],
    [ownMembers, ofWindow],
  ] as const) {
    const names = list.trim().split(/\s+/)
    assert.deepEqual(
      names.filter((name) => members.has(name)),
      [],
      'pages would look for them in vain',
    )
    assert.equal(new Set(names).size, names.length, 'each stands there once')
  }
})
