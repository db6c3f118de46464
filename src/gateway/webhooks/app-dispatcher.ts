import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { DeliveryOutcome, PendingEvent, WebhookEvent, WebhookQueue } from '../../engine/index.js'
import type { DeliverySummary } from '../../protocol/internal.js'
import { Timer } from '../../util/timer.js'
import type { Log } from '../log.js'
import type { Tracing } from '../tracing/tracing.js'
import {
  OutboundRequestError,
  postSigned,
  type RequestMeter,
  type SignedTarget,
} from '../outbound/outbound-request.js'
import { hasExpired, retryDelay } from '../outbound/retry.js'

interface AppDispatcherContext {
  queue: WebhookQueue
  log: Pick<Log, 'error' | 'warn' | 'info'>
  meter: RequestMeter
  tracing: Tracing
  /** Called after each request. */
  onDelivery(appId: string, delivery: DeliverySummary): void
  /** Called with the result of each event that was due, even if the event was given up without a request. Not called for a test. */
  onResult(appId: string, result: DeliverySummary['result']): void
}

/** How many deliveries of one app run at once. */
const MAX_RUNNING = 20

/** Milliseconds in which an endpoint's whole answer has to arrive. */
const TIMEOUT = 15_000

/**
 * Milliseconds for which the engine gives an event to no other gateway. If this gateway crashes, another one delivers the event after this
 * time. A delivery never takes that long.
 */
const LEASE = 60_000

/** How many bytes of an answer are read, so that its connection can be used again. The body itself is not used. */
const MAX_BYTES = 16_384

/** Failures in a row after which the endpoint counts as down. */
const DOWN_AFTER = 20

/**
 * Milliseconds between two deliveries to an endpoint that is down, so that thousands of pending events do not cause thousands of requests.
 */
const PROBE_INTERVAL = 1_000

/**
 * Milliseconds after the latest probe of an endpoint that is down for which expired events are given up without a request. After this time
 * the endpoint may work again, so a request is made.
 */
const PROBE_VALID_FOR = 10_000

/** Milliseconds after which the engine is asked again if it failed. */
const ENGINE_RETRY = 1_000

const GONE = 410

interface Answer {
  status: number | null
  duration: number
  /** Null if the endpoint accepted the delivery. */
  error: string | null
}

const resultOf = (outcome: DeliveryOutcome): DeliverySummary['result'] =>
  'delivered' in outcome ? 'delivered' : 'retryAfter' in outcome ? 'retry' : 'failed'

/** Delivers the pending events of one app to its endpoint. A slow endpoint delays only the deliveries of its own app. */
export class AppDispatcher {
  readonly #appId: string
  readonly #context: AppDispatcherContext
  readonly #running = new Set<Promise<void>>()
  /** Aborts running deliveries. */
  readonly #life = new AbortController()
  #target: SignedTarget
  #isClosed = false
  #timer: Timer | undefined
  #taking: Promise<void> | undefined
  /** Whether events may have become due since they were last taken. */
  #mayBeDue = false
  /** Failures in a row since the latest reload of the config. */
  #failures = 0
  /** Whether the latest delivery failed, even if a reload came since then. */
  #isFailing = false
  /** When the next delivery to an endpoint that is down may begin, on the monotonic clock. */
  #nextProbe = 0

  constructor(appId: string, target: SignedTarget, context: AppDispatcherContext) {
    this.#appId = appId
    this.#target = target
    this.#context = context
    // Each running delivery adds a listener to this signal. Without this line Node would warn of a leak.
    setMaxListeners(0, this.#life.signal)
  }

  /** Replaces the endpoint and its secrets. Running deliveries keep the old ones. */
  update(target: SignedTarget): void {
    this.#target = target
    this.#failures = 0
    this.wake()
  }

  /** Takes and delivers the events that are due. */
  wake(): void {
    this.#mayBeDue = true
    if (this.#isClosed) return
    this.#taking ??= this.#takeDue().finally(() => {
      this.#taking = undefined
      // `wake` may have been called after the last read of the queue.
      if (this.#mayBeDue && this.#free() > 0) this.wake()
    })
  }

  /** Sends an event of type `test`, without retries. Its failure does not count as a failure of the endpoint. */
  async test(): Promise<DeliverySummary> {
    const at = Date.now()
    const id = `test_${randomUUID()}`
    const body = { type: 'test', id, seq: 0, at, appId: this.#appId, userId: null, data: {} }
    const answer = await this.#post(id, body, undefined)
    const result = answer.error === null ? 'delivered' : 'failed'
    const delivery: DeliverySummary = { id, type: 'test', userId: null, at, attempt: 1, ...answer, result }
    this.#context.onDelivery(this.#appId, delivery)
    return delivery
  }

  /** Takes no more events, and resolves when the running deliveries have ended. After `timeout` milliseconds they are aborted. */
  async close(timeout: number): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    const timer = new Timer(timeout, () => this.#life.abort())
    await this.#taking
    await Promise.all(this.#running)
    timer.cancel()
    // A test delivery may still run.
    this.#life.abort()
  }

  #wakeAfter(delay: number): void {
    if (this.#isClosed) return
    this.#timer?.cancel()
    this.#timer = new Timer(delay, () => this.wake())
  }

  #isDown(): boolean {
    return this.#failures >= DOWN_AFTER
  }

  /** Returns whether the endpoint is down, and a request has shown that a short time ago. */
  #wasDownJustNow(): boolean {
    return this.#isDown() && performance.now() < this.#nextProbe + PROBE_VALID_FOR
  }

  /** Returns how many deliveries may begin now. */
  #free(): number {
    if (!this.#isDown()) return MAX_RUNNING - this.#running.size
    return this.#running.size === 0 && performance.now() >= this.#nextProbe ? 1 : 0
  }

  async #takeDue(): Promise<void> {
    // While no delivery may begin, no event is taken. `wake` is called when a running delivery ends, or by the timer if the endpoint is
    // down.
    while (this.#mayBeDue && !this.#isClosed && this.#free() > 0) {
      this.#mayBeDue = false
      const limit = this.#free()
      const events = await this.#take(limit)
      // If the dispatcher has closed meanwhile, it still delivers these events: no other gateway takes them before their `LEASE` ends.
      for (const pending of events) this.#begin(pending)
      if (events.length === limit) this.#mayBeDue = true
    }
  }

  async #take(limit: number): Promise<PendingEvent[]> {
    try {
      return await this.#context.queue.takeDueEvents(this.#appId, limit, LEASE)
    } catch (err) {
      this.#context.log.warn({ appId: this.#appId, err }, "the engine can't say which webhooks are due")
      this.#wakeAfter(ENGINE_RETRY)
      return []
    }
  }

  #begin(pending: PendingEvent): void {
    const onError = (err: unknown): void =>
      this.#context.log.error({ appId: this.#appId, err }, 'a webhook could not be sent')
    const work = this.#deliver(pending)
      .catch(onError)
      .finally(() => {
        this.#running.delete(work)
        // The user's next event may be due now.
        this.wake()
      })
    this.#running.add(work)
  }

  async #deliver({ event, attempts }: PendingEvent): Promise<void> {
    const { id, type, seq, at, appId, data } = event
    // An event of the app itself has an empty user id in the engine.
    const userId = event.userId || null
    const sentAt = Date.now()
    // Without this check an endpoint that is down for days would cause more and more pending events.
    if (this.#wasDownJustNow() && hasExpired(at, sentAt))
      return this.#saveOutcome(event, { failed: 'The endpoint was down for a day.' })
    // The trace is sent in the header, where the backend's own tracing finds it, and not in the body.
    const { traceparent, ...content } = data
    const span = this.#context.tracing.start('webhook', 'CLIENT', traceparent, {
      'http.request.method': 'POST',
      'chat_session.app_id': appId,
      'chat_session.event_type': type,
      'chat_session.event_id': id,
    })
    const body = { type, id, seq, at, appId, userId, data: content }
    const answer = await this.#post(id, body, span.traceparent)
    const { status, error } = answer
    span.end(status === null ? {} : { 'http.response.status_code': status }, error ?? undefined)
    // The delivery was aborted. Its event stays pending, and is due again when its `LEASE` ends.
    if (this.#life.signal.aborted && answer.status === null) return
    const outcome = this.#outcomeOf(answer, event, attempts + 1)
    this.#countFailures(answer, id)
    this.#context.onDelivery(appId, {
      id,
      type,
      userId,
      at: sentAt,
      attempt: attempts + 1,
      ...answer,
      result: resultOf(outcome),
    })
    await this.#saveOutcome(event, outcome)
  }

  async #post(id: string, body: object, traceparent: string | undefined): Promise<Answer> {
    const start = performance.now()
    const answered = (status: number | null, error: string | null): Answer => ({
      status,
      duration: Math.round(performance.now() - start),
      error,
    })
    const limits = {
      timeout: TIMEOUT,
      maxBytes: MAX_BYTES,
      signal: this.#life.signal,
      meter: this.#context.meter,
      ...(traceparent !== undefined && { headers: { traceparent } }),
    }
    try {
      const { status } = await postSigned(this.#target, id, JSON.stringify(body), limits)
      return answered(status, status >= 200 && status < 300 ? null : `The answer has the status ${status}.`)
    } catch (error) {
      if (!(error instanceof OutboundRequestError)) throw error
      return answered(null, error.message)
    }
  }

  #outcomeOf({ status, error }: Answer, { at }: WebhookEvent, failures: number): DeliveryOutcome {
    if (error === null) return { delivered: true }
    // The status 410 means that the server will never accept the event.
    const retryAfter = status === GONE ? null : retryDelay(failures, at)
    return retryAfter === null ? { failed: error } : { retryAfter, error }
  }

  #countFailures({ status, error }: Answer, eventId: string): void {
    const { log } = this.#context
    const appId = this.#appId
    const wasDown = this.#isDown()
    const hadFailed = this.#failures > 0
    this.#failures = error === null ? 0 : this.#failures + 1
    // Failures in a row get only one line, so that an endpoint that refuses every event does not fill the log.
    if (error !== null && !hadFailed)
      log.warn({ appId, eventId, status, error }, "the endpoint of the app's webhooks did not take an event")
    if (error === null && this.#isFailing) log.info({ appId }, "the app's webhooks are delivered again")
    this.#isFailing = error !== null
    if (!wasDown && this.#isDown())
      log.warn(
        { appId, error },
        "the endpoint of the app's webhooks is down: one delivery a second is tried until it works again",
      )
    if (!this.#isDown()) return
    this.#nextProbe = performance.now() + PROBE_INTERVAL
    this.#wakeAfter(PROBE_INTERVAL)
  }

  async #saveOutcome({ id, appId, userId, type }: WebhookEvent, outcome: DeliveryOutcome): Promise<void> {
    const { queue, log, onResult } = this.#context
    onResult(appId, resultOf(outcome))
    if ('failed' in outcome)
      log.warn({ appId, userId, eventId: id, type, error: outcome.failed }, 'a webhook was given up')
    try {
      await queue.endDelivery(appId, userId, id, outcome)
    } catch (err) {
      // The event is delivered again when its lease ends. The receiver recognizes its id.
      log.warn({ appId, userId, eventId: id, err }, "the engine can't save the result of a webhook")
    }
  }
}
