// Reloads of broken, missing and half-written configs, a hundred in a row, while sessions send. The gateway is a process with a disk.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { run, type Running } from '../../support/processes/command-line.js'
import { openClient, startClient, type Client } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { appId, tokenFor } from '../../support/tokens.js'
import { startOf } from '../../support/starts.js'

const folder = scratchFolder()
const file = join(folder, 'config.json')
const secretOf = (round: number): string => `the secret of round ${round}, of 32 bytes or more`
const FIRST = secretOf(-1)

const configOf = (secret: string, app: object = {}): string =>
  JSON.stringify({
    listen: { port: 0 },
    engine: { type: 'embedded', path: join(folder, 'data') },
    apps: {
      [appId]: {
        environment: 'production',
        origins: ['https://www.example.com'],
        // The first secret stays, so that the sessions of the test have one token.
        secrets: [FIRST, secret],
        limits: { messagesPerSecond: 10_000, requestsPerSecond: 10_000 },
        retention: { messages: 1_000_000 },
        ...app,
      },
    },
  })

interface LogLine {
  level: string
  msg: string
  problems?: string[]
}

/** Reads the log of a process. Returns its lines so far. */
const logOf = ({ stderr }: ChildProcess): LogLine[] => {
  const lines: LogLine[] = []
  assert.ok(stderr)
  createInterface({ input: stderr }).on('line', (line) => lines.push(JSON.parse(line) as LogLine))
  return lines
}

const errorsOf = (lines: LogLine[]): LogLine[] =>
  lines.filter(({ level }) => level === 'error' || level === 'fatal')
const outcomesOf = (lines: LogLine[]): LogLine[] => lines.filter(({ msg }) => msg.includes('reloaded'))

/** A user who sends messages to themselves, one after the other, until `stop` is called. */
const startTraffic = async (url: string, userId: string) => {
  const client = await startClient(
    url,
    await startOf(userId, { token: await tokenFor(userId, { secret: FIRST }) }),
  )
  const acknowledged: string[] = []
  let isStopped = false
  const send = async (): Promise<void> => {
    for (let n = 0; !isStopped; n++) {
      const id = `${userId} ${n}`
      client.send({ type: 'send', id, to: userId, body: id })
      assert.equal((await client.next('sent'))['id'], id)
      acknowledged.push(id)
    }
  }
  const sending = send()
  // It is awaited by `stop`.
  sending.catch(() => undefined)
  return {
    client,
    userId,
    acknowledged,
    async stop() {
      isStopped = true
      await sending
    },
  }
}

type Traffic = Awaited<ReturnType<typeof startTraffic>>

/** Reads the whole inbox of a session. */
const bodiesOf = async ({
  started,
  send,
  next,
}: Client & { started: Record<string, unknown> }): Promise<string[]> => {
  const bodies: string[] = []
  for (let after = 0; ;) {
    send({ type: 'history', id: 'page', epoch: started['epoch'], after, limit: 100 })
    const messages = (await next('history'))['messages'] as { offset: number; body: string }[]
    const last = messages.at(-1)
    if (!last) return bodies
    bodies.push(...messages.map(({ body }) => body))
    after = last.offset
  }
}

const assertDelivered = async (url: string, traffic: Traffic[], secret: string): Promise<void> => {
  for (const { userId, acknowledged } of traffic) {
    const client = await startClient(
      url,
      await startOf(userId, { token: await tokenFor(userId, { secret }) }),
    )
    assert.ok(acknowledged.length > 0)
    assert.deepEqual(await bodiesOf(client), acknowledged)
    client.close()
  }
}

/** Returns 'started', or the code of the end, of a start with a token of this secret. */
const outcomeOf = async (url: string, secret: string): Promise<unknown> => {
  const client = openClient(url, {
    start: await startOf('probe', { token: await tokenFor('probe', { secret }) }),
  })
  const { type, code } = await client.next()
  client.close()
  return type === 'ended' ? code : type
}

/** The text that each broken round writes in place of its config, and the one problem that the log then has. */
const broken: [name: string, write: (config: string) => void, problem: RegExp][] = [
  [
    'no JSON',
    () => writeFileSync(file, 'nonsense {'),
    /can't be read: its JSON is not well-formed at line 1, column 1\.$/,
  ],
  [
    'the first half of a config',
    (config) => writeFileSync(file, config.slice(0, config.length / 2)),
    /can't be read: its JSON is not well-formed at line 1, column \d+\.$/,
  ],
  [
    'an empty file',
    () => writeFileSync(file, ''),
    /can't be read: its JSON is not well-formed at line 1, column 1\.$/,
  ],
  ['no file', () => rmSync(file), /can't be read: ENOENT/],
  ['a folder', () => (rmSync(file), mkdirSync(file)), /can't be read: EISDIR/],
  [
    'a wrong value',
    () => writeFileSync(file, configOf('x'.repeat(32), { guests: 'often' })),
    /^apps\.app\.guests: /,
  ],
  ['a weak secret', () => writeFileSync(file, configOf('short')), /^apps\.app\.secrets\[1\]: is too short/],
  ['no apps', () => writeFileSync(file, '{"apps":{}}'), /^apps: /],
  ['null', () => writeFileSync(file, 'null'), /must be an object/],
]

const start = async (): Promise<{ gateway: Running; url: string; lines: LogLine[] }> => {
  rmSync(file, { force: true, recursive: true })
  writeFileSync(file, configOf(FIRST.replace('of', 'for')))
  const gateway = run(['serve', '--config', file])
  return { gateway, lines: logOf(gateway.child), url: await gateway.url() }
}

test('a hundred reloads, nine of ten broken, drop no session and lose no message; each has one line, and the last good config stays in force', async () => {
  const { gateway, url, lines } = await start()
  const traffic = await Promise.all(['ada', 'bob', 'cy'].map((userId) => startTraffic(url, userId)))
  let inForce = ''
  for (let round = 0; round < 100; round++) {
    const wrong = broken[(round % (broken.length + 1)) - 1]
    rmSync(file, { force: true, recursive: true })
    writeFileSync(file, configOf(secretOf(round)))
    wrong?.[1](configOf(secretOf(round)))
    gateway.child.kill('SIGHUP')
    await until('the outcome', () => outcomesOf(lines).length, round + 1)
    const { msg, problems = [] } = outcomesOf(lines)[round] ?? assert.fail()
    if (!wrong) {
      assert.equal(msg, 'the config was reloaded')
      inForce = secretOf(round)
    } else {
      assert.equal(msg, 'the config was not reloaded: the gateway goes on with the old config', wrong[0])
      assert.equal(problems.length, 1, wrong[0])
      assert.match(problems[0] ?? '', wrong[2], wrong[0])
      assert.equal(await outcomeOf(url, secretOf(round)), 'unauthenticated', wrong[0])
    }
    assert.equal(await outcomeOf(url, inForce), 'started', wrong?.[0] ?? 'a good config')
  }
  assert.equal(errorsOf(lines).length, 90)
  for (const one of traffic) await one.stop()
  for (const { client } of traffic) assert.ok(!client.frames.some(({ type }) => type === 'ended'))
  await assertDelivered(url, traffic, inForce)
  gateway.child.kill('SIGTERM')
  assert.equal((await gateway.outcome).code, 0)
})

test('a config module that waits for ever is one line, and the next reload is read', async () => {
  const module = join(folder, 'config.mjs')
  const write = (round: number): void => writeFileSync(module, `export default ${configOf(secretOf(round))}`)
  write(0)
  const gateway = run(['serve', '--config', module])
  const lines = logOf(gateway.child)
  const url = await gateway.url()
  const session = await startTraffic(url, 'gil')
  writeFileSync(module, 'await new Promise(() => undefined)\nexport default {}')
  gateway.child.kill('SIGHUP')
  await until('the outcome', () => outcomesOf(lines).length, 1)
  const [{ problems = [] } = assert.fail()] = errorsOf(lines)
  assert.match(problems.join(), /^The config \S+ can't be read: it takes more than 10 s\.$/)
  assert.equal(await outcomeOf(url, secretOf(0)), 'started')
  write(1)
  gateway.child.kill('SIGHUP')
  await until('the next reload', () => outcomeOf(url, secretOf(1)), 'started')
  await session.stop()
  gateway.child.kill('SIGTERM')
  assert.equal((await gateway.outcome).code, 0)
})

test('signals while the file is written again and again, in place, leave a whole config in force; a restart has every message', async () => {
  const { gateway, url, lines } = await start()
  const users = ['dee', 'eve', 'fay']
  const traffic = await Promise.all(users.map((userId) => startTraffic(url, userId)))
  const { length } = outcomesOf(lines)
  for (let round = 0; round < 100; round++) {
    const config = configOf(secretOf(round))
    // A writer that empties the file and fills it bit by bit. A signal comes at each step.
    for (const share of [0, 0.3, 0.9, 1]) {
      writeFileSync(file, config.slice(0, config.length * share))
      gateway.child.kill('SIGHUP')
    }
    await until('a reload', () => outcomesOf(lines).length > length + round)
  }
  writeFileSync(file, configOf(secretOf(1_000)))
  gateway.child.kill('SIGHUP')
  await until('the last config is in force', () => outcomeOf(url, secretOf(1_000)), 'started')
  assert.equal(await outcomeOf(url, secretOf(99)), 'unauthenticated')
  for (const { msg, problems } of errorsOf(lines)) {
    assert.match(msg, /^the config was not reloaded/)
    assert.match(
      problems?.join() ?? '',
      /^The config \S+ can't be read: its JSON is not well-formed at line 1, column \d+\.$/,
    )
  }
  for (const one of traffic) await one.stop()
  for (const { client } of traffic) assert.ok(!client.frames.some(({ type }) => type === 'ended'))
  gateway.child.kill('SIGTERM')
  assert.equal((await gateway.outcome).code, 0)
  const next = await start()
  await assertDelivered(next.url, traffic, FIRST)
  next.gateway.child.kill('SIGTERM')
  assert.equal((await next.gateway.outcome).code, 0)
})
