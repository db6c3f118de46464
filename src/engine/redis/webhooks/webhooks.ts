import type {
  DeliveryOutcome,
  EngineEvent,
  PendingEvent,
  PendingEventPage,
  UserRef,
  WebhookEvent,
} from '../../engine.js'
import { seqOf } from '../../decide/webhooks/event-id.js'
import { engineRules } from '../../rules.js'
import type { ListedEvent } from '../calls/webhooks.js'
import { cursorOf, readPage } from '../lists.js'
import { callId, type StepRunner } from '../step-runner.js'
import type { Takes } from '../steps.js'
import { Timer } from '../../../util/timer.js'

/** Milliseconds until the sweep looks again for events of an app whose events this node does not deliver. Another node may deliver them. */
const UNDELIVERED_WAIT = 300_000
/**
 * Milliseconds until a partition whose events could not be taken is asked again. Meanwhile `take` gives its whole limit to the other
 * partitions.
 */
const FAILED_WAIT = 1_000

interface EventId {
  partition: number
  seq: string
}

/** When the next event of an app is due in a partition, by the monotonic clock, and the number of the last announcement of an event. */
interface Due {
  at: number
  announcement: number
}

/**
 * The webhook events of apps. A node remembers in which partitions events are due, so that `take` asks only these partitions. The node
 * learns this from its own steps. If the node that added an event does not deliver it, the sweep finds the event. An event is not announced
 * to all nodes, because the number of calls would grow with nodes × events.
 */
export class Webhooks {
  readonly #runner: StepRunner
  readonly #emit: (event: EngineEvent) => void
  /** Returns whether an app that is in use has webhooks. */
  readonly #hasWebhooks: (appId: string) => boolean
  /** What is due, by app and partition. */
  readonly #due = new Map<string, Map<number, Due>>()
  readonly #timers = new Map<string, Timer>()
  /** The apps whose events this node delivers. `#due` may have other apps, too. */
  readonly #resumed = new Set<string>()
  #announcements = 0
  #isStopped = false

  constructor(
    runner: StepRunner,
    emit: (event: EngineEvent) => void,
    hasWebhooks: (appId: string) => boolean,
  ) {
    this.#runner = runner
    this.#emit = emit
    this.#hasWebhooks = hasWebhooks
  }

  /** Notes that an event of a partition is due now. */
  announce(appId: string, partition: number): void {
    this.#set(appId, partition, { at: performance.now(), announcement: ++this.#announcements })
  }

  /**
   * Reads when events of the app are due. If no other node lives (`isAlone`), this node's first call for the app makes leased events due,
   * because a stopped node has leased them. Later calls do not, because then this node has the leases.
   */
  async resume(appId: string, isAlone: boolean): Promise<void> {
    const endsLeases = isAlone && !this.#resumed.has(appId)
    this.#resumed.add(appId)
    const { steps, partitions } = this.#runner
    const args = [endsLeases, null] as const
    const delays = await this.#runner.inPartitions(steps.eventsDue, partitions.all, appId, args)
    // Other calls may have been answered meanwhile, and their answers may be newer than `delays`. So an earlier time stays.
    for (const [partition, [delay]] of delays.entries()) {
      const known = this.#due.get(appId)?.get(partition)
      const at = performance.now() + delay
      if (delay >= 0 && !(known && known.at <= at)) this.#set(appId, partition, { at, announcement: 0 })
    }
  }

  /** Called when the app is configured without webhooks. From then on this node does not deliver the app's events. */
  leave(appId: string): void {
    this.#resumed.delete(appId)
  }

  /** Called if the sweep has found due events that no node has taken. Announces them if this node delivers the app's events. */
  async find(appId: string, partition: number): Promise<void> {
    if (this.#resumed.has(appId)) return this.announce(appId, partition)
    // If no node delivers the app's events, the sweep looks for them no more. `resume` puts them back when the app has webhooks again.
    const args = [false, this.#hasWebhooks(appId) ? UNDELIVERED_WAIT : 'never'] as const
    await this.#runner.inPartitions(this.#runner.steps.eventsDue, [partition], appId, args)
  }

  /** Takes due events. Leaves out partitions that fail. Rejects if nothing was taken and a partition failed. */
  async take(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]> {
    const { steps } = this.#runner
    const taken: PendingEvent[] = []
    const failures: unknown[] = []
    const now = performance.now()
    const due = [...(this.#due.get(appId) ?? [])].filter(([, { at }]) => at <= now)
    while (due.length > 0 && taken.length < limit) {
      // A partition leases each event that it returns. So each partition is asked only for its share of the limit.
      const asked = due.splice(0, limit - taken.length)
      const share = Math.floor((limit - taken.length) / asked.length)
      const since = this.#announcements
      const args = [share, leaseFor] as const
      const takeFrom = async (partition: number): Promise<void> => {
        const app = { appId, userId: '' }
        const [next, ...list] = await this.#runner.inPartition(steps.takeEvents, partition, app, args)
        this.#note(appId, partition, next, since)
        for (const [event, outcome] of list) taken.push(pendingEventOf(['pending', event, outcome, 0]))
      }
      await Promise.all(
        asked.map(([partition]) =>
          takeFrom(partition).catch((error: unknown) => {
            failures.push(error)
            const announcement = this.#due.get(appId)?.get(partition)?.announcement ?? 0
            this.#set(appId, partition, { at: performance.now() + FAILED_WAIT, announcement })
          }),
        ),
      )
    }
    if (taken.length === 0 && failures.length > 0) throw failures[0]
    return taken
  }

  async endDelivery(of: UserRef, eventId: string, outcome: DeliveryOutcome): Promise<void> {
    const id = this.#idOf(of, eventId)
    if (!id) return
    const [result, retryIn, reason]: [Takes<'endDelivery'>[2], number | null, string] =
      'retryAfter' in outcome
        ? ['retry', outcome.retryAfter, outcome.error]
        : 'failed' in outcome
          ? ['failed', null, outcome.failed]
          : ['delivered', null, '']
    const maxFailed = Math.ceil(engineRules.maxFailedEvents / this.#runner.partitions.count)
    const { endDelivery } = this.#runner.steps
    const since = this.#announcements
    const args = [id.seq, eventId, result, retryIn, reason, maxFailed, callId()] as const
    const [next] = await this.#runner.inPartition(endDelivery, id.partition, of, args)
    this.#note(of.appId, id.partition, next, since)
  }

  /** Returns a page of pending and failed events, partition by partition. */
  async list(appId: string, after: string | null, limit: number): Promise<PendingEventPage> {
    const { page, next } = await readPage(this.#runner, after, {
      limit,
      read: (partitions, from, most) =>
        this.#runner.inPartitions(this.#runner.steps.listEvents, partitions, appId, [from, most]),
      parse: (list, partition) =>
        list.map(pendingEventOf).map((event) => ({ event, cursor: cursorOf(partition, event.event.seq) })),
    })
    return { events: page.map(({ event }) => event), next }
  }

  async replay(of: UserRef, eventId: string): Promise<boolean> {
    const id = this.#idOf(of, eventId)
    if (!id) return false
    const { replayEvent } = this.#runner.steps
    const args = [id.seq, eventId] as const
    const since = this.#announcements
    const [next, isReplayed] = await this.#runner.inPartition(replayEvent, id.partition, of, args)
    this.#note(of.appId, id.partition, next, since)
    return isReplayed === 1
  }

  async summary(appId: string): Promise<{ pending: number; oldestAt: number | null }> {
    const { steps, partitions } = this.#runner
    const all = await this.#runner.inPartitions(steps.eventsSummary, partitions.all, appId, [])
    const times = all.flatMap(([, at]) => (at === null ? [] : [at]))
    return {
      pending: all.reduce((sum, [pending]) => sum + pending, 0),
      oldestAt: times.length > 0 ? Math.min(...times) : null,
    }
  }

  /** From now on nothing is noted, and no event is emitted. */
  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers.values()) timer.cancel()
  }

  /** Returns the partition and the number of an event; undefined if the text is not the id of an event. */
  #idOf(of: UserRef, eventId: string): EventId | undefined {
    const seq = seqOf(eventId)
    return seq === 0
      ? undefined
      : { partition: this.#runner.partitions.ofEvent(of, eventId), seq: String(seq) }
  }

  /**
   * Notes the answer to a call that began after `since` announcements: the next event of the partition is due in `delay` milliseconds, or
   * there is none if `delay` is negative. If an event was announced meanwhile, the answer may be older than that event, and is ignored.
   */
  #note(appId: string, partition: number, delay: number, since: number): void {
    const announcement = this.#due.get(appId)?.get(partition)?.announcement ?? 0
    if (announcement > since) return
    this.#set(appId, partition, delay < 0 ? undefined : { at: performance.now() + delay, announcement })
  }

  #set(appId: string, partition: number, due: Due | undefined): void {
    if (this.#isStopped) return
    const partitions = this.#due.get(appId) ?? new Map<number, Due>()
    this.#due.set(appId, partitions)
    if (due) partitions.set(partition, due)
    else partitions.delete(partition)
    if (due) this.#wakeAt(appId, due.at)
  }

  #wakeAt(appId: string, at: number): void {
    const timer = this.#timers.get(appId)
    const delay = at - performance.now()
    if (timer && timer.remaining <= delay) return
    timer?.cancel()
    this.#timers.set(appId, new Timer(delay, () => this.#wake(appId)))
  }

  #wake(appId: string): void {
    this.#timers.delete(appId)
    this.#emit({ type: 'webhooks-due', appId })
    const now = performance.now()
    const later = [...(this.#due.get(appId)?.values() ?? [])].map(({ at }) => at).filter((at) => at > now)
    if (later.length > 0 && !this.#isStopped) this.#wakeAt(appId, Math.min(...later))
  }
}

const pendingEventOf = ([state, event, outcome, delay]: ListedEvent): PendingEvent => {
  const { attempts, lastError } = JSON.parse(outcome) as Pick<PendingEvent, 'attempts' | 'lastError'>
  const dueAt = Date.now() + (delay === '' ? 0 : delay)
  return { event: JSON.parse(String(event)) as WebhookEvent, attempts, lastError, dueAt, state }
}
