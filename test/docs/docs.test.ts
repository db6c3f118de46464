import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { on } from 'node:events'
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import ts from 'typescript'
import { WebSocket } from 'ws'
import { parseConfig } from '../../src/gateway/config/parse.js'
import { webhookEventTypes } from '../../src/engine/index.js'
import {
  clientFrames,
  clientErrorMessages,
  closeCodes,
  gatewayFrames,
  isRetryable,
  errorMessages,
  SUBPROTOCOL,
} from '../../src/protocol/index.js'
import type { World } from '../../src/session/machine/state.js'
import { backoff } from '../../src/session/machine/waits.js'
import { startGateway } from '../support/gateway.js'
import { matches } from '../support/examples.js'
import { scratchFolder } from '../support/scratch-folder.js'

const read = (name: string): Promise<string> => readFile(new URL(`../../${name}`, import.meta.url), 'utf8')

/** The code blocks whose fence has this mark. */
const blocks = (markdown: string, mark: string): string[] =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${mark}\n(.*?)^\`\`\`$`, 'gms'))].map(([, body]) => body ?? '')

const protocol = await read('docs/PROTOCOL.md')
const gatewayGuide = await read('docs/GATEWAY.md')
const sessionGuide = await read('docs/SESSION.md')
const readme = await read('README.md')

test('a gateway answers the frames of the example session as docs/PROTOCOL.md shows', async () => {
  const { url: address } = await startGateway({}, { apps: { hF83jaq: { environment: 'test' } } })
  const socket = new WebSocket(`${address.replace('http', 'ws')}/v1/session`, SUBPROTOCOL)
  const messages = on(socket, 'message', { signal: AbortSignal.timeout(30_000) })
  await new Promise((resolve) => socket.once('open', resolve))

  const lines = blocks(protocol, 'session').join('').trim().split('\n')
  assert.ok(lines.length > 5)
  let epoch = ''
  for (const line of lines) {
    const frame = line.slice(2).replace('‹epoch›', epoch)
    if (line.startsWith('→')) socket.send(frame)
    else {
      const { value } = (await messages.next()) as { value: [Buffer] }
      const received = value[0].toString()
      epoch = (JSON.parse(received) as { epoch?: string }).epoch ?? epoch
      assert.ok(matches(JSON.parse(frame), JSON.parse(received)), `${received}\nis not\n${frame}`)
    }
  }
})

test('docs/SESSION.md says where the backoff of a session begins and ends', () => {
  const world: World = { now: 0, random: 1, hidden: false, credentials: 'held', since: undefined }
  const [first, last] = [1, 99].map((failures) => backoff(failures, world) / 1_000)
  assert.match(sessionGuide, new RegExp(`a random part of ${first} s, .* and so on, up to ${last} s\\.`))
})

test('docs/PROTOCOL.md names every frame', () => {
  for (const type of [...Object.keys(clientFrames), ...Object.keys(gatewayFrames)])
    assert.ok(protocol.includes(`\`${type}\``), type)
})

test('docs/PROTOCOL.md has every close code, with its sentence and whether to retry', () => {
  for (const [code, close] of Object.entries(closeCodes)) {
    const row = protocol
      .split('\n')
      .find((line) => line.includes(`| \`${code}\``) && line.startsWith(`| ${close}`))
    assert.ok(row, code)
    assert.ok(row.includes(errorMessages[code as keyof typeof closeCodes]), code)
    assert.match(row, isRetryable(code as keyof typeof closeCodes) ? /\| yes/ : /\| no/, code)
  }
})

test('docs/FRAMEWORKS.md tells Vue’s compiler of every tag', async () => {
  const [, option = ''] = /isCustomElement: (.*) } } \}\)`/.exec(await read('docs/FRAMEWORKS.md')) ?? []
  const isCustomElement = runInNewContext(option) as (tag: string) => boolean
  for (const tag of ['chat-session', 'chat-unread']) assert.ok(isCustomElement(tag), tag)
})

test('docs/WEBHOOKS.md has a row for every type of event', async () => {
  const page = await read('docs/WEBHOOKS.md')
  const rows = [...page.matchAll(/^\| `(\w+\.\w+)` +\|/gm)].map(([, type]) => type)
  assert.deepEqual(rows, webhookEventTypes)
})

test('the gateway accepts the webhooks and the authenticateUrl that docs/WEBHOOKS.md shows', async () => {
  const [config = '', authenticateUrl = ''] = blocks(await read('docs/WEBHOOKS.md'), 'json')
  const parsed = JSON.parse(config) as { apps: Record<string, object> }
  const [[appId, app] = assert.fail()] = Object.entries(parsed.apps)
  const whsec = (letter: string): string => `whsec_${Buffer.from(letter.repeat(32)).toString('base64')}`
  const result = parseConfig(
    { apps: { [appId]: { ...app, ...(JSON.parse(authenticateUrl) as object) } } },
    {
      CHAT_SECRET: 'x'.repeat(32),
      CHAT_WEBHOOK_SECRET: whsec('w'),
      CHAT_AUTHENTICATE_SECRET: whsec('a'),
    },
  )
  assert.ok(result.ok, result.ok ? '' : result.problems.join('\n'))
  assert.ok(result.config.apps.get(appId)?.webhooks && result.config.apps.get(appId)?.authenticateUrl)
})

test('docs/SESSION.md names every event of ChatSession', async () => {
  const source = ts.createSourceFile('events.ts', await read('src/session/events.ts'), ts.ScriptTarget.ES2022)
  const details = source.statements
    .filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === 'SessionEventDetails')
  const names = details?.members.map(({ name }) => name?.getText(source)) ?? []
  assert.ok(names.length > 4)
  const sentence = /The events are [^.]*\./.exec(sessionGuide)?.[0] ?? ''
  for (const name of [...names, 'tokenneeded']) assert.ok(sentence.includes(`\`${name ?? ''}\``), name)
})

test('docs/SESSION.md explains every code of the client’s own', () => {
  for (const code of Object.keys(clientErrorMessages)) assert.ok(sessionGuide.includes(`| \`${code}\``), code)
})

test('the gateway accepts the configs that the documentation shows', async () => {
  const operatingGuide = await read('docs/OPERATING.md')
  const shown = [
    ...blocks(gatewayGuide, 'json config'),
    ...blocks(operatingGuide, 'json config'),
    ...blocks(readme, 'json'),
  ]
  assert.equal(shown.length, 3)
  const env = {
    CHAT_SECRET: 'x'.repeat(32),
    ADMIN_TOKEN: 'a'.repeat(32),
    WEBHOOK_SECRET: `whsec_${Buffer.from('w'.repeat(32)).toString('base64')}`,
  }
  // The files of the secrets that docs/OPERATING.md makes.
  const folder = scratchFolder()
  for (const name of ['admin-token', 'chat-secret'])
    writeFileSync(join(folder, name), `${randomBytes(32).toString('base64')}\n`)
  for (const text of shown) {
    const parsed = parseConfig(JSON.parse(text.replaceAll('/etc/chat-session', folder)), env)
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.join('\n'))
  }
})
