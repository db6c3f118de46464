import { limits, sendFields, type ClientFrameOf, type GatewayFrameOf } from '../../protocol/index.js'
import { wrongField, type callFrames } from '../../protocol/internal.js'
import { SessionError } from '../errors.js'
import type { AnswerType } from '../machine/state.js'
import { AFTER_REFUSAL } from '../machine/waits.js'
import { deadlineTimer, now, toUnixTime } from '../util/clock.js'
import { utf8 } from '../util/utf8.js'
import { toJson } from '../util/to-json.js'

type RequestType = Exclude<keyof typeof callFrames, 'signal'> | 'send'
export type Request = ClientFrameOf<RequestType>
export type Answer = GatewayFrameOf<AnswerType>

/** The checks of a frame's fields. */
type Checks = typeof sendFields | (typeof callFrames)[keyof typeof callFrames]

export interface RequestOptions<A extends Answer> {
  checks: Checks
  /** Returns whether a frame answers the request. Called only after it was written: frames like the answer also come without a request. */
  isAnswer(frame: Answer, request: Request): frame is A
  /** A request replaces the one with the same key that waits, and both get its answer. */
  key?: string
  /** Nothing has to keep its order with the request. */
  isUnordered?: true
  /** Returns the request as it is written to this connection, or why it can't be. Called each time that the outbox tries to write it. */
  prepare?(request: Request): Request | SessionError
}

/** The most bytes of all unanswered requests. */
const MAX_BYTES = 262_144
/** The most requests that are in flight at once. */
const MAX_IN_FLIGHT = 100

/**
 * Returns a copy of the frame as it would arrive, so that later changes of the original don't change the frame that is sent. Throws
 * `bad-request` if every gateway would refuse the frame.
 */
export const checkedCopy = <F extends object>(frame: F, checks: Checks): F => {
  const copy = JSON.parse(toJson(frame)) as F
  if (wrongField(checks, copy)) throw new SessionError('bad-request')
  return copy
}

/** A time in which no request is written, and the reason. */
interface Pause {
  reason: 'rate-limited' | 'busy'
  until: number
}

/** A message that the gateway has not stored yet, and that a page keeps for the next page of the tab. */
export type LeftSend = ClientFrameOf<'send'> & {
  /** When the message was first written to a connection, or else stored for the next page (Unix time in milliseconds). */
  writtenAt: number
}

/** The requests that are not answered yet. The outbox sends them in order, and again on each new connection, until they are answered. */
export interface Outbox {
  /** Adds a request. Resolves with the answer. */
  add<A extends Answer>(request: Request, options: RequestOptions<A>): Promise<A>
  /**
   * Adds a message of an earlier page, before the messages of this page. Calls `failed` if the gateway does not store it: the promise of
   * `send()` is gone with its page. Ignores what is no message.
   */
  restore(send: LeftSend, failed: (error: SessionError) => void): void
  /** Called for each new connection, before a request is written to it. Writes the requests. */
  connected(): void
  /**
   * Settles the request that `frame` answers. If the frame is a retryable refusal, pauses the outbox instead. Returns whether a request
   * waited for this frame.
   */
  answered(frame: Answer): boolean
  /** Returns how many messages are not stored yet. */
  pending(): number
  /**
   * Returns the messages that the gateway has not stored yet: for the next page of the tab, and for the HTTP request of a page that the
   * user leaves. From now on each of them counts as written.
   */
  leave(): LeftSend[]
  /** Removes the messages of earlier pages, and returns them. */
  giveBack(): LeftSend[]
  /** Returns the pause after a refusal, in which all requests wait; undefined if there is none. */
  pause(): Pause | undefined
  /** Rejects all requests. */
  end(error: SessionError): void
}

interface OutboxHost {
  /** Writes a request, and returns whether it did. */
  write(request: Request): boolean
  /** Returns for how many milliseconds the gateway recognizes a repeated id; Infinity while that is not known. */
  sendWindow(): number
  /** Called after a deadline has passed: perhaps fewer requests wait then, or they wait for another reason. */
  changed(): void
}

/** Called with the answer to a request, or with the error with which it failed. */
type Waiter = (outcome: Answer | SessionError) => unknown

interface Entry {
  request: Request
  size: number
  options: RequestOptions<Answer>
  /** Several, if the request has replaced others (`key`). */
  waiters: Waiter[]
  isOfEarlierPage?: true
  /** When the request was first written, or stored for the next page. Before that its outcome is not in doubt. */
  writtenAt?: number
}

/** Returns how many bytes a request has as JSON. */
const sizeOf = (request: Request): number => utf8(toJson(request)).length

const idOf = (request: Request): string | undefined => ('id' in request ? request.id : undefined)

/** When an entry was first written. Entries that were never written come last, in their order. */
const timeOf = ({ writtenAt }: Entry): number => writtenAt ?? Number.MAX_SAFE_INTEGER

const isAnswered = ({ request, writtenAt, options }: Entry, frame: Answer): boolean =>
  frame.type === 'refused'
    ? frame.re === request.type && frame.id === idOf(request)
    : writtenAt !== undefined && options.isAnswer(frame, request)

/** The options of a message. */
export const sendOptions: RequestOptions<GatewayFrameOf<'sent'>> = {
  checks: sendFields,
  isAnswer: (frame, request): frame is GatewayFrameOf<'sent'> =>
    frame.type === 'sent' && frame.id === idOf(request),
}

export const createOutbox = ({ write, sendWindow, changed }: OutboxHost): Outbox => {
  /** The requests in the order in which they are written. */
  let waiting: Entry[] = []
  /** Set after a retryable refusal, while no request is sent; undefined if requests may be sent. */
  let pause: Pause | undefined
  /**
   * The requests that were written to this connection and have no answer yet. After a retryable refusal the outbox sends nothing until this
   * set is empty. Otherwise a request could be in flight twice: the gateway could refuse the first copy for good, and store the second one.
   */
  const inFlight = new Set<Entry>()

  const deadlineOf = ({ writtenAt = Infinity }: Entry): number => writtenAt + sendWindow()

  const remove = (entry: Entry): void => {
    waiting = waiting.filter((each) => each !== entry)
    inFlight.delete(entry)
  }
  const settle = (entry: Entry, outcome: Answer | SessionError): void => {
    remove(entry)
    for (const waiter of entry.waiters) waiter(outcome)
  }

  /**
   * Returns whether a request in flight may get this one's answer. An answer names only the id, and messages to two users may have the same
   * id. The refusal of a request without an id names only its type.
   */
  const hasLike = (request: Request): boolean => {
    const id = idOf(request)
    return [...inFlight].some(
      ({ request: each }) => idOf(each) === id && (id !== undefined || each.type === request.type),
    )
  }

  /** Writes the requests that may be written now and are not in flight. */
  const writeAll = (): void => {
    for (const entry of waiting) {
      if (inFlight.has(entry)) continue
      const prepared = entry.options.prepare?.(entry.request) ?? entry.request
      if (prepared instanceof SessionError) {
        settle(entry, prepared)
        continue
      }
      entry.request = prepared
      if (hasLike(prepared)) {
        if (entry.options.isUnordered) continue
        // Everything behind a message waits, too, because messages keep their order, and have the profile that was set before them.
        return
      }
      if (pause || inFlight.size >= MAX_IN_FLIGHT || !write(prepared)) return
      inFlight.add(entry)
      entry.writtenAt ??= now()
    }
  }

  /** Rejects the requests whose deadline has passed, and writes those that may be written. */
  const proceed = (): void => {
    const time = now()
    for (const entry of waiting)
      if (deadlineOf(entry) <= time) settle(entry, new SessionError('unknown-outcome'))
    if (pause && pause.until <= time && !inFlight.size) pause = undefined
    writeAll()
    const pauseEnd = pause && !inFlight.size ? pause.until : Infinity
    setDeadline(Math.min(pauseEnd, ...waiting.map(deadlineOf)))
  }
  const setDeadline = deadlineTimer(() => {
    proceed()
    changed()
  })

  const connected = (): void => {
    pause = undefined
    inFlight.clear()
    proceed()
  }

  const toLeave = (entry: Entry): LeftSend[] =>
    entry.request.type === 'send'
      ? [{ ...entry.request, writtenAt: toUnixTime((entry.writtenAt ??= now())) }]
      : []

  return {
    async add<A extends Answer>(request: Request, options: RequestOptions<A>): Promise<A> {
      const copy = checkedCopy(request, options.checks)
      const size = sizeOf(copy)
      if (size > limits.frame) throw new SessionError('too-large')
      const { key } = options
      const replaced = waiting.find((entry) => key !== undefined && entry.options.key === key)
      const bytes = waiting.reduce((sum, entry) => sum + entry.size, size)
      if (!replaced && bytes > MAX_BYTES) throw new SessionError('outbox-full', { retryable: true })
      const settled = new Promise<Answer | SessionError>((waiter) => {
        if (replaced) {
          replaced.request = copy
          replaced.waiters.push(waiter)
          // The replaced request may be in flight, and its answer does not always answer the new one.
          inFlight.delete(replaced)
        } else {
          const entry: Entry = { request: copy, size, options, waiters: [waiter] }
          waiting = [...waiting, entry]
        }
      })
      proceed()
      const outcome = await settled
      if (outcome instanceof SessionError) throw outcome
      // `isAnswer` has accepted it.
      return outcome as A
    },
    restore({ writtenAt, ...request }, failed) {
      // A page that comes back from the browser's cache still has its own messages, which the page after it may have left again.
      const isKnown = waiting.some(
        ({ request: each }) => each.type === 'send' && each.id === request.id && each.to === request.to,
      )
      // Another script may have written the message. A malformed frame would end the connection.
      const isMalformed = !request.id || !(writtenAt > 0) || wrongField(sendFields, request)
      if (isKnown || isMalformed) return
      const entry: Entry = {
        request,
        size: sizeOf(request),
        options: sendOptions,
        waiters: [(outcome) => outcome instanceof SessionError && failed(outcome)],
        isOfEarlierPage: true,
        // The wall clock may have been set back since.
        writtenAt: Math.min(writtenAt, now()),
      }
      waiting = [...waiting, entry].sort((one, other) => timeOf(one) - timeOf(other))
    },
    connected,
    answered(frame) {
      // Of requests without an id one is in flight, and comes first, because a refusal answers a request that was sent.
      const entry = [...inFlight, ...waiting].find((each) => isAnswered(each, frame))
      if (entry) inFlight.delete(entry)
      if (frame.type === 'refused' && frame.retryable) {
        // The outbox pauses even if no request waits for this refusal: the gateway has also refused what was sent after the refused request.
        const reason = frame.code === 'rate-limited' ? 'rate-limited' : 'busy'
        pause = { reason, until: now() + (frame.retryAfter ?? AFTER_REFUSAL) }
      } else if (entry) settle(entry, frame.type === 'refused' ? new SessionError(frame.code, frame) : frame)
      proceed()
      return entry !== undefined
    },
    pending: () => waiting.filter(({ request }) => request.type === 'send').length,
    leave: () => waiting.flatMap(toLeave),
    giveBack() {
      const given = waiting.filter(({ isOfEarlierPage }) => isOfEarlierPage)
      given.forEach(remove)
      return given.flatMap(toLeave)
    },
    pause: () => pause,
    end(error) {
      for (const entry of waiting) settle(entry, error)
      // This clears the pause and the timer.
      connected()
    },
  }
}
