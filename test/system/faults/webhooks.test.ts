// A gateway that is killed while it delivers webhooks: each event comes at least once, and the first time in its order.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import type { ChatSession } from '../../../src/session/index.js'
import { startSession } from '../../support/clients/client-sessions.js'
import { startServer } from '../../support/network/http-server.js'
import { until } from '../../support/until.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'
import { appId, secret } from '../../support/tokens.js'

const KILLS = Number(process.env['WEBHOOK_KILLS'] ?? 10)
const SENDERS = ['ann', 'bob', 'cid']
/** How many of a sender's messages may wait for their webhooks: on a slow machine more would not be delivered before the test's timeout. */
const MAX_BACKLOG = 50
/** Each sender sends to a user of its own. */
const readerOf = (sender: string): string => `reader of ${sender}`

interface Event {
  id: string
  type: string
  seq: number
  userId: string
  data: { message: { body: string } }
}

test(`${KILLS} kills lose no webhook of an acknowledged message, and change the order of none`, async (context) => {
  const { random } = Math
  // Makes the backoff of the senders a fiftieth of the real one.
  context.mock.method(Math, 'random', () => random() / 50)
  const webhookSecret = `whsec_${randomBytes(32).toString('base64')}`
  const received: Event[] = []
  let requests = 0
  const endpoint = await startServer((request, response) => {
    void text(request).then((json) => {
      const event = new Webhook(webhookSecret).verify(
        json,
        request.headers as Record<string, string>,
      ) as Event
      requests += 1
      const fails = requests % 50 === 0
      if (!fails) received.push(event)
      response.writeHead(fails ? 500 : 200).end()
    })
  })
  const webhooks = { url: endpoint.url, secrets: [webhookSecret], events: ['message.created' as const] }
  const limits = { messagesPerSecond: 100_000, bytesPerSecond: 2 ** 40, requestsPerSecond: 1_000 }
  const gateway = await gatewayProcess({
    apps: { [appId]: { environment: 'test', secrets: [secret], webhooks, limits } },
  })
  await gateway.start()
  after(() => gateway.stop('SIGTERM'))

  const reported = (sender: string): number =>
    received.filter(({ userId }) => userId === readerOf(sender)).length
  const stop = new AbortController()
  const acknowledged = new Map<string, string[]>()
  const send = async (name: string): Promise<ChatSession> => {
    const session = await startSession(gateway.endpoint, name)
    const bodies: string[] = []
    acknowledged.set(name, bodies)
    for (let number = 0; !stop.signal.aborted; number++) {
      await session.send({ to: readerOf(name), body: `${number}` })
      bodies.push(`${number}`)
      // The events of a user are delivered one after the other, which is slower than a loop sends.
      await pause(50)
      await until('webhooks keep up', () => number - reported(name) < MAX_BACKLOG)
    }
    return session
  }
  const senders = SENDERS.map(send)
  for (let kill = 0; kill < KILLS; kill++) {
    const before = received.length
    await until('webhooks are delivered', () => received.length > before + 5)
    await gateway.stop('SIGKILL')
    await gateway.start()
  }
  stop.abort()
  await Promise.all(senders)

  for (const [sender, bodies] of acknowledged) {
    const firstOf = (): Event[] => {
      const ids = new Set<string>()
      return received.filter(({ id, userId }) => userId === readerOf(sender) && !ids.has(id) && ids.add(id))
    }
    await until('every message is reported', () => firstOf().length >= bodies.length)
    const events = firstOf()
    assert.deepEqual(
      events.map(({ data }) => data.message.body),
      bodies,
    )
    for (const [index, { seq }] of events.entries())
      assert.ok(index === 0 || seq > (events[index - 1]?.seq ?? seq))
  }
})
