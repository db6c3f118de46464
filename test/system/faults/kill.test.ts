import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ChatSession, Message } from '../../../src/session/index.js'
import { startSession } from '../../support/clients/client-sessions.js'
import { wholeInbox } from '../../support/clients/whole-inbox.js'
import { within } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'
import { orderFaults } from '../../support/engine/order-faults.js'
import { RawSender } from './raw-sender.js'

/** How often the process is killed. FAULT_KILLS=5 is for a quick look. */
const KILLS = Number(process.env['FAULT_KILLS'] ?? 50)
const SENDERS = ['ann', 'bob', 'cid']
/** These users reconnect at once, so that every kill interrupts writes. The sessions of the others wait between two attempts. */
const IMPATIENT = ['eve', 'fay']
const READER = 'dora'
/** How many sends of one session are unacknowledged at the same time. */
const IN_FLIGHT = 8

interface Acknowledged {
  body: string
  offset: number
}

/** Sends numbered messages until it is stopped. Resolves with the acknowledged messages when all are acknowledged. */
const sendUntil = async (
  session: ChatSession,
  name: string,
  stopped: AbortSignal,
): Promise<Acknowledged[]> => {
  const acknowledged: Acknowledged[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (!stopped.aborted) {
      const body = `${name} ${next++}`
      const { offset } = await session.send({ to: READER, body })
      acknowledged.push({ body, offset })
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return acknowledged
}

const TIMEOUT = 60_000

test(`${KILLS} kills under load lose, duplicate and reorder no acknowledged message`, async (context) => {
  const gateway = await gatewayProcess()
  await gateway.start()
  const reader = await startSession(gateway.endpoint, READER)
  const received: Message[] = []
  reader.addEventListener('message', ({ detail }) => received.push(detail.message))
  const sessions = await Promise.all(SENDERS.map((name) => startSession(gateway.endpoint, name)))
  // If the test fails, an open connection would keep the process of this file running.
  const life = new AbortController()
  after(async () => {
    life.abort()
    for (const session of [reader, ...sessions]) await session.end()
    await gateway.stop('SIGTERM')
  })
  const ends: string[] = []
  for (const session of [reader, ...sessions])
    session.addEventListener('state', ({ detail }) => {
      if (detail.state === 'ended' || detail.state === 'failed') ends.push(detail.error?.code ?? 'ended')
    })

  const impatient = IMPATIENT.map((name) => new RawSender(gateway.endpoint, name, READER, life.signal))
  for (const sender of impatient) sender.start()
  const stop = new AbortController()
  const sending = sessions.map((session, index) => sendUntil(session, SENDERS[index] ?? '', stop.signal))
  const acknowledgedSoFar = (): number =>
    impatient.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0)
  for (let kill = 0; kill < KILLS; kill++) {
    await until(
      'the impatient senders send again',
      () => impatient.every(({ isSending }) => isSending),
      true,
      TIMEOUT,
    )
    // The kill waits for a number of acknowledged messages and not for a time, so that a slow machine is under load too.
    const before = acknowledgedSoFar()
    const more = (kill * 7) % 40
    await until(`${more} more are acknowledged`, () => acknowledgedSoFar() >= before + more, true, TIMEOUT)
    await pause(Math.random() * 10)
    assert.equal(await gateway.stop('SIGKILL'), null)
    await gateway.start()
  }
  stop.abort()
  // All are stopped at once: a session may wait between two attempts to connect, and the others would go on meanwhile.
  const stopping = Promise.all(impatient.map((sender) => sender.stop()))
  const sent = await within(Promise.all(sending), "acknowledgement of the sessions' last messages", TIMEOUT)
  const acknowledged = sent.flat().map(({ body }) => body)
  await stopping
  for (const sender of impatient) {
    assert.deepEqual(sender.wrong, [], `every answer to ${sender.userId} is right`)
    for (const [id, offset] of sender.acknowledged) assert.equal(sender.received.get(offset), id)
    acknowledged.push(...sender.acknowledged.keys())
  }

  const stored = await within(wholeInbox(reader), 'whole inbox', TIMEOUT)
  context.diagnostic(`${stored.length} messages`)
  assert.deepEqual(ends, [], 'no session ended')
  assert.ok(stored.length > 10 * KILLS, 'there was a load')
  assert.deepEqual(orderFaults(stored), [], 'each message is in the inbox once, in order')
  const there = new Set(stored.map(({ body }) => body))
  assert.deepEqual(
    acknowledged.filter((body) => !there.has(body)),
    [],
    'every acknowledged message is in the inbox',
  )
  // `history` may return messages before they are delivered.
  await until(
    `${received.length} of ${stored.length} were received`,
    () => received.length >= stored.length,
    true,
    TIMEOUT,
  )
  assert.deepEqual(orderFaults(received), [], 'the listener received each message once, in order')
  assert.equal(received.length, stored.length)
})
