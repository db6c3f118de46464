import type {
  DeliveryOutcome,
  EngineEvent,
  PendingEvent,
  PendingEventPage,
  UserRef,
  WebhookEvent,
} from '../../engine.js'
import { engineRules } from '../../rules.js'
import type { Reply } from '../client/port.js'
import { cursorOf, inGroups, positionOf, readList } from '../lists.js'
import type { StepRunner } from '../step-runner.js'

/** The longest delay of a timer. */
const MAX_DELAY = 2_147_483_647

interface EventId {
  partition: number
  seq: string
}

/**
 * Returns the number in an event's id. It ignores the partition before the number, which is outdated if the event was transferred from
 * another engine.
 */
const seqOf = (id: string): string | undefined => /^evt_(?:\d+_)?(\d+)_[0-9a-f]*$/.exec(id)?.[1]

type Outcome = Pick<PendingEvent, 'attempts' | 'lastError'>

/**
 * The webhook events of apps. A node remembers in which partitions events are due, so that `take` asks only these partitions. It learns
 * this from its own steps. The sweep finds the events that the node which added them does not deliver. If all nodes were told of each
 * event, the calls would grow with nodes × events.
 */
export class Webhooks {
  readonly #runner: StepRunner
  readonly #emit: (event: EngineEvent) => void
  /** When the next event of an app is due in a partition, by the monotonic clock. */
  readonly #due = new Map<string, Map<number, number>>()
  readonly #timers = new Map<string, NodeJS.Timeout>()

  constructor(runner: StepRunner, emit: (event: EngineEvent) => void) {
    this.#runner = runner
    this.#emit = emit
  }

  /** Notes that the next event of a partition is due in `delay` milliseconds. A negative number means that there is none. */
  note(appId: string, partition: number, delay: number): void {
    const partitions = this.#due.get(appId) ?? new Map<number, number>()
    this.#due.set(appId, partitions)
    if (delay < 0) partitions.delete(partition)
    else partitions.set(partition, performance.now() + delay)
    this.#schedule(appId, partitions)
  }

  /** Reads when events of the app are due. With `isAlone` no other node lives, so the events that a stopped node has leased are due now. */
  async resume(appId: string, isAlone: boolean): Promise<void> {
    const delays = await this.#runner.onEveryPartition(this.#runner.steps.eventsDue, appId, [
      isAlone ? '1' : '0',
    ])
    delays.forEach(([delay], partition) => this.note(appId, partition, Number(delay)))
  }

  async take(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]> {
    const { steps } = this.#runner
    const taken: PendingEvent[] = []
    const now = performance.now()
    const due = [...(this.#due.get(appId) ?? [])].filter(([, at]) => at <= now)
    while (due.length > 0 && taken.length < limit) {
      // A partition leases each event that it returns. So each partition is asked only for its share of the limit.
      const asked = due.splice(0, limit - taken.length)
      const share = Math.floor((limit - taken.length) / asked.length)
      await Promise.all(
        asked.map(async ([partition]) => {
          const [next, ...list] = await this.#runner.onApp(steps.takeEvents, partition, appId, [
            String(share),
            String(leaseFor),
          ])
          this.note(appId, partition, Number(next))
          for (const [event, outcome] of inGroups(list, 2))
            taken.push({
              event: JSON.parse(String(event)) as WebhookEvent,
              ...(JSON.parse(String(outcome)) as Outcome),
              dueAt: Date.now(),
              state: 'pending',
            })
        }),
      )
    }
    return taken
  }

  async endDelivery(of: UserRef, eventId: string, outcome: DeliveryOutcome): Promise<void> {
    const id = this.#find(of, eventId)
    if (!id) return
    const args: [kind: string, retryIn: string, reason: string] =
      'retryAfter' in outcome
        ? ['retry', String(outcome.retryAfter), outcome.error]
        : 'failed' in outcome
          ? ['failed', '0', outcome.failed]
          : ['delivered', '0', '']
    const maxFailed = Math.ceil(engineRules.maxFailedEvents / this.#runner.partitions.count)
    const { endDelivery } = this.#runner.steps
    const [next] = await this.#runner.inPartition(endDelivery, id.partition, of, [
      ...[id.seq, eventId, ...args, String(maxFailed)],
    ])
    this.note(of.appId, id.partition, Number(next))
  }

  /** Returns a page of pending and failed events, partition by partition. */
  async list(appId: string, after: string | null, limit: number): Promise<PendingEventPage> {
    const found = await readList(this.#runner, {
      ...{
        step: this.#runner.steps.listEvents,
        appId,
        from: positionOf(after),
        start: '0',
        limit: limit + 1,
      },
      parse: (list, partition) =>
        inGroups(list, 4).map((group) => {
          const event = pendingEventOf(group)
          return { event, cursor: cursorOf(partition, event.event.seq) }
        }),
    })
    const page = found.slice(0, limit)
    return {
      events: page.map(({ event }) => event),
      next: found.length > limit ? (page.at(-1)?.cursor ?? null) : null,
    }
  }

  async replay(of: UserRef, eventId: string): Promise<boolean> {
    const id = this.#find(of, eventId)
    if (!id) return false
    const { replayEvent } = this.#runner.steps
    const args = [id.seq, eventId]
    const [next, isReplayed] = await this.#runner.inPartition(replayEvent, id.partition, of, args)
    this.note(of.appId, id.partition, Number(next))
    return isReplayed === 1
  }

  async summary(appId: string): Promise<{ pending: number; oldestAt: number | null }> {
    const all = await this.#runner.onEveryPartition(this.#runner.steps.eventsSummary, appId, [])
    const times = all.flatMap(([, at]) => (at === null ? [] : [Number(at)]))
    return {
      pending: all.reduce((sum, [pending]) => sum + Number(pending), 0),
      oldestAt: times.length > 0 ? Math.min(...times) : null,
    }
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#due.clear()
  }

  /** Returns the partition and the number that an event's id names; undefined if the text is not the id of an event. */
  #find(of: UserRef, eventId: string): EventId | undefined {
    const seq = seqOf(eventId)
    return seq === undefined ? undefined : { partition: this.#runner.partitions.ofEvent(of, eventId), seq }
  }

  #schedule(appId: string, partitions: ReadonlyMap<number, number>): void {
    clearTimeout(this.#timers.get(appId))
    this.#timers.delete(appId)
    if (partitions.size === 0) return
    const delay = Math.max(0, Math.min(...partitions.values()) - performance.now())
    const announce = (): void => {
      this.#emit({ type: 'webhooks-due', appId })
    }
    this.#timers.set(appId, setTimeout(announce, Math.min(Math.ceil(delay), MAX_DELAY)).unref())
  }
}

const pendingEventOf = ([state, event, outcome, delay]: readonly Reply[]): PendingEvent => ({
  event: JSON.parse(String(event)) as WebhookEvent,
  ...(JSON.parse(String(outcome)) as Outcome),
  dueAt: Date.now() + (delay === '' ? 0 : Number(delay)),
  state: state === 'pending' ? 'pending' : 'failed',
})
