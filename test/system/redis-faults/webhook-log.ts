import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { startServer } from '../../support/network/http-server.js'
import type { WebhooksConfig } from '../../../src/gateway/index.js'

export interface Delivered {
  id: string
  type: string
  userId: string
  seq: number
  data: { sessionId?: string; code?: string }
}

interface Delivery {
  event: Delivered
  /** The gateway that delivered it. */
  node: string
  at: number
  /** Whether it was answered with success. */
  isTaken: boolean
}

export interface WebhookLog {
  configOf(node: string): WebhooksConfig
  /** Notes that a gateway is killed, stopped or drained now, or that its Redis is away: it may not store the result of a delivery. */
  onFault(node: string): void
  /** The events that were taken, each once, in the order of their first delivery. */
  events(type?: string): Delivered[]
  /** Sentences about events that were delivered again although the gateway had the answer and went on running. */
  repeats(): string[]
}

/** A gateway stores the result of a delivery within this many milliseconds, even on a busy machine. */
const SETTLE_TIME = 5_000
/** A request that a gateway sent before it was killed or stopped arrives here within this many milliseconds. */
const ARRIVAL_TIME = 1_000
/** One in this many deliveries is answered with an error, and another one is not answered. */
const ERROR_EACH = 40

export const startWebhookLog = async (): Promise<WebhookLog> => {
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const deliveries: Delivery[] = []
  const faults: { node: string; at: number }[] = []
  const endpoint = await startServer((request, response) => {
    void text(request).then((json) => {
      const event = JSON.parse(json) as Delivered
      const remainder = deliveries.length % ERROR_EACH
      const isTaken = remainder !== 7 && remainder !== 23
      deliveries.push({ event, node: (request.url ?? '').slice(1), at: performance.now(), isTaken })
      if (remainder === 23) response.destroy()
      else response.writeHead(isTaken ? 200 : 500).end()
    })
  })
  const taken = (): Delivery[] => deliveries.filter(({ isTaken }) => isTaken)
  return {
    configOf: (node) => ({
      url: `${endpoint.url}/${node}`,
      secrets: [secret],
      events: ['session.started', 'session.ended', 'user.online', 'user.offline'],
    }),
    onFault: (node) => void faults.push({ node, at: performance.now() }),
    events(type) {
      const first = new Map<string, Delivered>()
      for (const { event } of taken())
        if ((type === undefined || event.type === type) && !first.has(event.id)) first.set(event.id, event)
      return [...first.values()]
    },
    repeats() {
      const last = new Map<string, Delivery>()
      const wrong: string[] = []
      for (const delivery of taken()) {
        const { id, type } = delivery.event
        const earlier = last.get(id)
        last.set(id, delivery)
        if (!earlier) continue
        const isExcused = faults.some(
          ({ node, at }) =>
            node === earlier.node && at > earlier.at - ARRIVAL_TIME && at < earlier.at + SETTLE_TIME,
        )
        if (!isExcused)
          wrong.push(
            `${type} ${id} was taken from ${earlier.node} and came again from ${delivery.node} after ${Math.round(delivery.at - earlier.at)} ms`,
          )
      }
      return wrong
    },
  }
}
