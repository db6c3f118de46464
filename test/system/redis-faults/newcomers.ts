import { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openClient, type Frame } from '../../support/raw-client.js'
import { appId, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import type { GatewayNode } from './gateway-nodes.js'

/** Milliseconds between two newcomers. */
const PACE = 100
/** Milliseconds that a visit takes at most, even while Redis is away: a gateway waits 5 seconds for Redis, and the machine is busy. */
const VISIT_TIME = 20_000

export interface Newcomers {
  /** Answers that are neither a success nor `unavailable` with a `retryAfter`, and visits that took too long. */
  readonly faults: string[]
  /** How many starts and sends were `unavailable`. */
  unavailable(): number
  /** Resolves when a newcomer that came after this call has started a session and sent a message. */
  succeed(): Promise<void>
  stop(): Promise<void>
}

const isClosedForNow = (error: unknown): boolean => String(error).includes('closed with 4503')

/** Clients come to a gateway one after the other while it serves. Each starts a session, sends a message and ends the session. */
export const startNewcomers = (node: GatewayNode): Newcomers => {
  const faults: string[] = []
  const stop = new AbortController()
  after(() => stop.abort())
  const userId = `newcomer of ${node.name}`
  let unavailable = 0
  let visits = 0
  /** The number of the last visit whose calls all succeeded. */
  let succeeded = -1

  /** Returns whether the answer is of that type. */
  const judge = (frame: Frame, type: string): boolean => {
    if (frame.type === type) return true
    if (frame['code'] === 'unavailable' && typeof frame['retryAfter'] === 'number') unavailable++
    else faults.push(`${node.name} answered ${JSON.stringify(frame)} in place of ${type}`)
    return false
  }
  const visit = async (number: number): Promise<void> => {
    const client = openClient(node.endpoint, {
      start: { type: 'start', appId, token: await tokenFor(userId) },
    })
    const startedAt = performance.now()
    try {
      if (!judge(await client.next(), 'started')) return
      const id = `${userId} ${number}`
      client.send({ type: 'send', id, to: 'newcomers', body: id })
      let answer = await client.next()
      while (answer['id'] !== id || answer.type === 'message') answer = await client.next()
      if (!judge(answer, 'sent')) return
      succeeded = number
      client.send({ type: 'end' })
      await client.closed
    } catch (error) {
      // Another epoch closes the connection, and so does the end of a gateway.
      if (isClosedForNow(error) || !node.isServing) unavailable++
      else faults.push(`${node.name}: ${String(error)}`)
    } finally {
      client.close()
      const time = performance.now() - startedAt
      if (time > VISIT_TIME) faults.push(`a visit to ${node.name} took ${Math.round(time)} ms`)
    }
  }
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      if (node.isServing) await visit(visits++)
      await pause(PACE)
    }
  }
  const running = run()
  return {
    faults,
    unavailable: () => unavailable,
    succeed() {
      const first = visits
      return until(`a newcomer of ${node.name} succeeds`, () => succeeded >= first)
    },
    async stop() {
      stop.abort()
      await running
    },
  }
}
