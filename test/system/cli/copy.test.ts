// `chat-session copy` between folders. Those to and from a Redis are in test/system/redis-gateway/.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createEmbeddedEngine, EngineError, type Engine } from '../../../src/engine/index.js'
import { whileOpen } from '../../../src/engine/suite/kit.js'
import { folderTarget, type TransferPages } from '../../../src/engine/internal.js'
import { assertCopied, configFile, contentOf, fill } from '../../support/engine/copied-data.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { finish } from '../../support/processes/command-line.js'

const folders = (): [from: string, to: string] => [join(scratchFolder(), 'a'), join(scratchFolder(), 'b')]

const withEngine = <T>(path: string, use: (engine: Engine) => Promise<T>): Promise<T> =>
  whileOpen(createEmbeddedEngine({ path }), use)

const copy = (from: string, to: string, ...more: string[]) =>
  finish([
    ...['copy', '--from', configFile({ type: 'embedded', path: from })],
    ...['--to', configFile({ type: 'embedded', path: to }), ...more],
  ])

const refused = async (from: string, to: string, why: RegExp): Promise<void> => {
  const { code, stdout, stderr } = await copy(from, to)
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, stderr)
  assert.match(stderr, why)
  assert.equal(stderr.split('\n').length, 2, stderr)
}

test('a folder is transferred to a new one: users, messages, revocations and webhook events, with other epochs', async () => {
  const [from, to] = folders()
  const ada = { appId: 'shop', userId: 'ada' }
  const [content, before] = await withEngine(from, async (engine) => {
    await fill(engine)
    return [await contentOf(engine), await engine.inbox(ada)] as const
  })
  const { code, stdout, stderr } = await copy(from, to)
  assert.deepEqual(
    { code, stdout },
    { code: 0, stdout: 'transferred 9 users, 7 inboxes, 242 messages, 119 webhook events\n' },
    stderr,
  )
  await withEngine(to, async (engine) => {
    await assertCopied(engine, content, before)
  })
  await withEngine(from, async (engine) => assert.deepEqual(await contentOf(engine), content))
})

test('the command ends, even if a config module holds a timer open', async () => {
  const [from, to] = folders()
  await withEngine(from, (engine) => engine.saveUser({ appId: 'shop', userId: 'ada' }, {}))
  const source = join(scratchFolder(), 'from.mjs')
  const json = await readFile(configFile({ type: 'embedded', path: from }), 'utf8')
  await writeFile(source, `setInterval(() => undefined, 1_000)\nexport default ${json}`)
  const target = configFile({ type: 'embedded', path: to })
  const { code, stderr } = await finish(['copy', '--from', source, '--to', target])
  assert.equal(code, 0, stderr)
})

test('a transfer that has not finished is opened by no engine, running it again says what to do, and --restart completes it', async () => {
  const [from, to] = folders()
  await withEngine(from, fill)
  const interrupted = async function* (): TransferPages {
    yield [{ kind: 'user', appId: 'shop', userId: 'ada', lastSeenAt: 1 }]
    await Promise.reject(new EngineError('unavailable', 'Interrupted.'))
  }
  await assert.rejects(folderTarget(to)(interrupted(), false), /Interrupted/)
  await assert.rejects(
    createEmbeddedEngine({ path: to }).open(),
    /data of a transfer that did not finish: run/,
  )
  await refused(
    from,
    to,
    /data of a transfer that did not finish: run `chat-session copy` again with --restart/,
  )
  await refused(to, join(scratchFolder(), 'c'), /data of a transfer that did not finish/)
  const { code, stderr } = await copy(from, to, '--restart')
  assert.equal(code, 0, stderr)
  const content = await withEngine(from, contentOf)
  assert.deepEqual(await withEngine(to, contentOf), content)
  // A target that is complete is not deleted.
  assert.match((await copy(from, to, '--restart')).stderr, /holds data/)
})

test('a folder without data, one with data, one in use and a memory engine are refused', async () => {
  const [from, to] = folders()
  await refused(from, to, /There is no data in .*: correct engine\.path\./)
  assert.ok(!existsSync(from) && !existsSync(to))
  await withEngine(from, async (engine) => {
    await fill(engine)
    await refused(from, to, /Another process has .* open: stop it first/)
  })
  await withEngine(to, (engine) => engine.saveUser({ appId: 'shop', userId: 'ada' }, {}))
  await refused(from, to, /holds data: name a folder that is new or empty in --to/)
  const memory = configFile({ type: 'memory' })
  for (const args of [
    ['--from', memory, '--to', configFile({ path: to })],
    ['--from', configFile({ path: from }), '--to', memory],
  ]) {
    const { code, stderr } = await finish(['copy', ...args])
    assert.equal(code, 2)
    assert.match(stderr, /^chat-session: --(from|to): a memory engine has no data to transfer.*\n$/)
  }
})

test('each mistake of a config is a line that names the option', async () => {
  const wrong = configFile({ type: 'disk' }, { pingInterval: -1 })
  const { code, stdout, stderr } = await finish(['copy', '--from', wrong, '--to', wrong])
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
  assert.match(stderr, /^chat-session: --from: pingInterval: /m)
  assert.match(stderr, /^chat-session: --from: engine\.type: /m)
})
