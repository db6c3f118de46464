import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { finish } from '../cli/run.js'
import { eventually, newSession, reaches } from '../session/support.js'
import type { ChatSession, Message, Sent } from '../../src/session/index.js'
import { gatewayProcess, tokenFor, type GatewayProcess } from './gateway-process.js'

const BODY = '~'.repeat(3_000)
/** Bytes beyond what the gateway's biggest file has that it may still write. */
const ROOM = 200_000

const connect = async ({ endpoint }: GatewayProcess, userId: string): Promise<ChatSession> => {
  const session = newSession({ endpoint, token: await tokenFor(userId) })
  assert.ok((await session.start()).succeeded, userId)
  return session
}

const limitFiles = (pid: number | undefined, limit: string): void =>
  void execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:unlimited`])

const inboxOf = async (session: ChatSession): Promise<Message[]> => {
  const all: Message[] = []
  for (;;) {
    const page = await session.history({ after: all.at(-1)?.offset ?? 0, limit: 100 })
    if (page.length === 0) return all
    all.push(...page)
  }
}

// A limit on the size of files stands in for the disk: writes fail in the kernel, half way through a record.
test('on a full disk sends wait, none is acknowledged falsely, and all are stored once when there is room', async (context) => {
  const gateway = await gatewayProcess()
  await gateway.start()
  const [ann, bob] = [await connect(gateway, 'ann'), await connect(gateway, 'bob')]
  const heard: Message[] = []
  bob.addEventListener('message', ({ detail }) => heard.push(detail))
  const ends: string[] = []
  for (const session of [ann, bob])
    session.addEventListener('state', ({ detail }) => ends.push(`${detail.state} ${detail.error?.code}`))
  const ids = [ann.id, bob.id]

  const data = join(gateway.folder, 'data')
  const biggest = Math.max(...readdirSync(data).map((name) => statSync(join(data, name)).size))
  limitFiles(gateway.pid(), String(biggest + ROOM))
  const acknowledged: (Sent & { body: string })[] = []
  const sends: Promise<void>[] = []
  const send = (index: number): void => {
    const body = `${index} ${BODY}`
    sends.push(ann.send({ to: 'bob', body }).then((sent) => void acknowledged.push({ ...sent, body })))
  }
  let count = 0
  // Until one is not answered for as long as the others took together.
  for (const began = performance.now(); ;) {
    send(count++)
    const before = acknowledged.length
    const took = performance.now() - began
    await eventually(() => acknowledged.length > before || performance.now() - began > 2 * took + 500)
    if (acknowledged.length === before) break
    assert.ok(count < 1_000, 'the disk fills')
  }
  for (let more = 0; more < 5; more++) send(count++)
  context.diagnostic(`${acknowledged.length} messages fit`)
  assert.ok(acknowledged.length > 10)

  // Reading goes on, and holds what was acknowledged; sessions can be started.
  const late = await connect(gateway, 'bob')
  const stored = await inboxOf(late)
  for (const { body } of acknowledged)
    assert.equal(stored.filter((message) => message.body === body).length, 1)
  assert.equal(acknowledged.length, count - 6)

  limitFiles(gateway.pid(), 'unlimited')
  await Promise.all(sends)
  await eventually(() => heard.length === count)
  const all = await inboxOf(bob)
  assert.deepEqual(
    all.map(({ body }) => body),
    Array.from({ length: count }, (_, index) => `${index} ${BODY}`),
    'all are there once, in order',
  )
  assert.deepEqual(heard, all)
  assert.deepEqual([ann.id, bob.id], ids)
  assert.deepEqual(
    ends.filter((end) => /^(ended|failed)/.test(end)),
    [],
  )

  // What was acknowledged is what the next process finds.
  assert.equal(await gateway.stop('SIGKILL'), null)
  await reaches(bob, 'reconnecting')
  await gateway.start()
  await reaches(bob, 'active')
  assert.deepEqual(await inboxOf(bob), all)
  assert.deepEqual([ann.id, bob.id], ids)
})

test('a second process on the folder waits for the first, then says so and ends with 2', async () => {
  const gateway = await gatewayProcess()
  await gateway.start()
  const began = performance.now()
  const { code, stdout, stderr } = await finish(['serve', '--config', gateway.config], { PORT: '0' })
  assert.equal(code, 2)
  assert.ok(performance.now() - began > 5_000, 'it waited')
  assert.equal(stdout, '')
  assert.match(stderr, /Another process has .* open/)
  assert.ok((await connect(gateway, 'ann')).id, 'the first goes on')
})

test('a second process on the folder is the next one when the first ends while it waits', async () => {
  const [gateway, next] = [await gatewayProcess(), await gatewayProcess()]
  await gateway.start()
  const session = await connect(gateway, 'ann')
  await session.send({ to: 'ann', body: 'one' })
  const starting = next.start(gateway.folder)
  assert.equal(await gateway.stop('SIGTERM'), 0)
  await starting
  assert.equal((await inboxOf(await connect(next, 'ann')))[0]?.body, 'one')
})
