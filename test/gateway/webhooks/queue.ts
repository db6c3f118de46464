import type { DeliveryOutcome, PendingEvent, WebhookEvent, WebhookQueue } from '../../../src/engine/index.js'

/** A queue of pending events in memory, whose times a test can choose. */
export interface TestQueue extends WebhookQueue {
  add(event: Partial<WebhookEvent> & { userId: string }): void
  /** The outcome of each delivery, in order. */
  readonly outcomes: { id: string; outcome: DeliveryOutcome }[]
  /** Called when an event may be due. */
  onDue: (appId: string) => void
  /** How often due events were asked for. */
  taken(): number
  /** Makes events due as if their time had come. */
  hurry(): void
  /** Makes the next calls fail. */
  fail(times: number): void
}

export const createTestQueue = (appId = 'app'): TestQueue => {
  const pending: (PendingEvent & { leasedUntil: number })[] = []
  const outcomes: TestQueue['outcomes'] = []
  let count = 0
  let taken = 0
  let failures = 0

  const failIfAsked = (): void => {
    if (failures === 0) return
    failures -= 1
    throw new Error('the engine is away')
  }

  const find = (id: string) => pending.find(({ event }) => event.id === id)

  const queue: TestQueue = {
    outcomes,
    onDue: () => undefined,
    taken: () => taken,
    hurry: () => pending.forEach((entry) => (entry.dueAt = 0)),
    fail: (times) => void (failures = times),
    add(event) {
      count += 1
      const defaults = {
        id: `${count}`,
        type: 'user.updated',
        seq: count,
        at: Date.now(),
        appId,
        data: {},
      } as const
      const entry = { event: { ...defaults, ...event }, attempts: 0, dueAt: 0, lastError: null }
      pending.push({ ...entry, state: 'pending', leasedUntil: 0 })
    },
    async takeDueEvents(_, limit, leaseFor) {
      taken += 1
      failIfAsked()
      const now = Date.now()
      const seen = new Set<string>()
      const first = pending.filter(({ event, state }) => {
        if (state === 'failed' || seen.has(event.userId)) return false
        seen.add(event.userId)
        return true
      })
      const due = first
        .filter(({ dueAt, leasedUntil }) => dueAt <= now && leasedUntil <= now)
        .sort((left, right) => left.dueAt - right.dueAt)
        .slice(0, limit)
      for (const entry of due) entry.leasedUntil = now + leaseFor
      return Promise.resolve([...due])
    },
    async endDelivery(_, __, id, outcome) {
      failIfAsked()
      outcomes.push({ id, outcome })
      const entry = find(id)
      if (!entry) return Promise.resolve()
      if ('delivered' in outcome) pending.splice(pending.indexOf(entry), 1)
      else if ('failed' in outcome) Object.assign(entry, { state: 'failed', lastError: outcome.failed })
      else {
        const { retryAfter, error: lastError } = outcome
        Object.assign(entry, {
          dueAt: Date.now() + retryAfter,
          lastError,
          attempts: entry.attempts + 1,
          leasedUntil: 0,
        })
        setTimeout(() => queue.onDue(appId), retryAfter + 1).unref()
      }
      return Promise.resolve()
    },
    pendingEvents: () => Promise.resolve({ events: [...pending], next: null }),
    replayEvent(_, __, id) {
      const entry = find(id)
      if (entry?.state !== 'failed') return Promise.resolve(false)
      Object.assign(entry, { state: 'pending', dueAt: 0, leasedUntil: 0 })
      return Promise.resolve(true)
    },
    pendingSummary: () =>
      Promise.resolve({ pending: pending.length, oldestAt: pending[0]?.event.at ?? null }),
  }
  return queue
}
