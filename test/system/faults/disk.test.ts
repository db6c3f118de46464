import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually, reaches, startSession } from '../../support/clients/client-sessions.js'
import { wholeInbox } from '../../support/clients/whole-inbox.js'
import type { Message, Sent } from '../../../src/session/index.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'

const BODY = '~'.repeat(3_000)
/** Bytes that the gateway may still add to its biggest file. */
const ROOM = 200_000
/** Messages that are sent when the disk is full. */
const MORE = 5

const limitFiles = (pid: number | undefined, limit: string): void =>
  void execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:unlimited`])

// A limit on the size of files acts as the full disk: writes fail in the kernel, in the middle of a record.
test('on a full disk sends wait, no unstored message is acknowledged, and all are stored once when there is room', async (context) => {
  const gateway = await gatewayProcess()
  await gateway.start()
  const [ann, bob] = [
    await startSession(gateway.endpoint, 'ann'),
    await startSession(gateway.endpoint, 'bob'),
  ]
  const received: Message[] = []
  bob.addEventListener('message', ({ detail }) => received.push(detail.message))
  const ends: string[] = []
  for (const session of [ann, bob])
    session.addEventListener('state', ({ detail }) => ends.push(`${detail.state} ${detail.error?.code}`))
  const ids = [ann.sessionId, bob.sessionId]

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
  const isFull = (): boolean => gateway.errorOutput().includes('A write failed')
  while (!isFull()) {
    send(count++)
    await eventually(() => acknowledged.length === count || isFull())
    assert.ok(count < 1_000, 'the disk fills')
  }
  for (let more = 0; more < MORE; more++) send(count++)

  // Inboxes can be read and have every acknowledged message, and sessions can start.
  const late = await startSession(gateway.endpoint, 'bob')
  const stored = await wholeInbox(late)
  for (const { body } of acknowledged)
    assert.equal(stored.filter((message) => message.body === body).length, 1)
  context.diagnostic(`${acknowledged.length} messages fit`)
  assert.ok(acknowledged.length > 10)
  // Of the messages before the last `MORE`, at most the one in the failed write is unacknowledged.
  assert.ok(count - MORE - acknowledged.length <= 1, `${acknowledged.length} of ${count} were acknowledged`)
  assert.ok(acknowledged.length <= count - MORE, 'those sent to a full disk wait')

  limitFiles(gateway.pid(), 'unlimited')
  await Promise.all(sends)
  await eventually(() => received.length === count)
  const all = await wholeInbox(bob)
  assert.deepEqual(
    all.map(({ body }) => body),
    Array.from({ length: count }, (_, index) => `${index} ${BODY}`),
    'all are there once, in order',
  )
  assert.deepEqual(received, all)
  assert.deepEqual([ann.sessionId, bob.sessionId], ids)
  assert.deepEqual(
    ends.filter((end) => /^(ended|failed)/.test(end)),
    [],
  )

  // The next process finds exactly these messages.
  assert.equal(await gateway.stop('SIGKILL'), null)
  await reaches(bob, 'reconnecting')
  await gateway.start()
  await reaches(bob, 'active')
  assert.deepEqual(await wholeInbox(bob), all)
  assert.deepEqual([ann.sessionId, bob.sessionId], ids)
})
