import { limits, sendFields, type ClientFrameOf, type GatewayFrameOf } from '../../protocol/index.js'
import { wrongField, type callFrames } from '../../protocol/internal.js'
import { deadlineTimer, now, toUnixTime } from '../util/clock.js'
import { SessionError } from '../errors.js'
import type { AnswerType, SessionInfo } from '../machine/state.js'
import { utf8 } from '../util/utf8.js'

type Request = ClientFrameOf<'send' | keyof typeof callFrames>
/** The checks of a request's fields. */
type RequestChecks = typeof sendFields | (typeof callFrames)[keyof typeof callFrames]

export interface RequestOptions {
  /** @default the checks of a message */
  checks?: RequestChecks
  /**
   * Returns whether a frame answers a request that has no id. Called only after this request, or one that it replaced, was written, because
   * frames like the answer also come without a request.
   */
  isAnswer?: (frame: GatewayFrameOf<AnswerType>, request: Request) => boolean
  /** Returns the request that replaces the two requests; undefined if both are needed. */
  merge?: (older: Request, newer: Request) => Request | undefined
  /** When an earlier page first wrote or stored the message (Unix time in milliseconds). Undefined for a message of this page. */
  writtenAt?: number
  /** Completes the request, or returns why it can't be written to this connection. Called before each write. */
  prepare?: ((request: Request) => SessionError | undefined) | undefined
}

/** The most bytes of all unanswered requests. */
const MAX_BYTES = 262_144
/** The most requests that are in flight at once. */
const MAX_IN_FLIGHT = 100
/** Milliseconds to wait after a refusal without `retryAfter`. */
const DEFAULT_RETRY_AFTER = 1_000

/**
 * Returns a copy of the frame as it would arrive, so that later changes of the original don't change the frame that is sent. Throws
 * `bad-request` if every gateway would refuse the frame.
 */
export const checkedCopy = <F extends Request>(frame: F, checks: RequestChecks = sendFields): F => {
  const copy = JSON.parse(JSON.stringify(frame)) as F
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
  /** Adds a request. Resolves with the answer. If `merge` replaces two requests by one, both get the same answer. */
  add<T>(request: Request, options?: RequestOptions): Promise<T>
  /** Called for each new connection, before a request is written to it. Calls `proceed`. */
  connected(): void
  /** Rejects the requests whose deadline has passed, and writes those that may be written now and are not in flight. */
  proceed(): void
  /**
   * Settles the request that `frame` answers. If the frame is a retryable refusal, pauses the outbox instead. Returns undefined if no
   * request waits for this frame.
   */
  answered(frame: GatewayFrameOf<AnswerType>): unknown
  /** Returns how many messages are not stored yet. */
  pending(): number
  /**
   * Returns the messages that the gateway has not stored yet: for the next page of the tab, and for the HTTP request of a page that the
   * user leaves. From now on each of them counts as written.
   */
  leave(): LeftSend[]
  /** Returns the pause after a refusal, in which all requests wait; undefined if there is none. */
  pause(): Pause | undefined
  /** Rejects all requests. */
  end(error: SessionError): void
}

interface Entry extends Pick<RequestOptions, 'isAnswer' | 'prepare'> {
  asked: Request & { id?: string }
  size: number
  answer: Promise<unknown>
  /** Settles `answer`, and takes the request out of the outbox. */
  settle: (outcome: SessionError | GatewayFrameOf<AnswerType>) => void
  /** When the request was first written, or stored for the next page. Before that its outcome is not in doubt. */
  writtenAt?: number | undefined
}

/**
 * `write` writes a request, and returns whether it did. `info` returns the gateway's latest state of the session. The outbox reads two of
 * its fields: the inbox's epoch, and for how many milliseconds the gateway recognizes a repeated id. `changed` is called after a deadline
 * has passed: perhaps fewer requests wait then, or they wait for another reason.
 */
export const createOutbox = (
  write: (request: Request) => boolean | undefined,
  info: () => SessionInfo | null,
  changed: () => void,
): Outbox => {
  /** The requests in the order in which they are written. */
  let waiting: Entry[] = []
  /** Set after a retryable refusal, while no request is sent; undefined if requests may be sent. */
  let pause: Pause | undefined
  /**
   * The requests that were written to this connection and have no answer yet. After a retryable refusal the outbox sends nothing until this
   * set is empty. Otherwise a request could be in flight twice: the gateway could refuse the first copy for good, and store the second one.
   */
  const inFlight = new Set<Entry>()

  const deadlineOf = ({ writtenAt = Infinity }: Entry): number => writtenAt + (info()?.sendWindow ?? Infinity)

  const proceed = (): void => {
    const time = now()
    for (const entry of waiting)
      if (deadlineOf(entry) <= time) entry.settle(new SessionError('unknown-outcome'))
    if (pause && pause.until <= time && !inFlight.size) pause = undefined
    for (const entry of waiting) {
      if (inFlight.has(entry)) continue
      const { asked: request } = entry
      const error = entry.prepare?.(request)
      if (error) entry.settle(error)
      else {
        // An answer names only the id, and messages to two users may have the same id. So the second message waits for the answer to the
        // first one. Everything behind it waits, too, because messages keep their order.
        if (
          pause ||
          inFlight.size >= MAX_IN_FLIGHT ||
          (request.id && [...inFlight].some((each) => each.asked.id === request.id)) ||
          !write(request)
        )
          break
        inFlight.add(entry)
        entry.writtenAt ??= now()
      }
    }
    setDeadline(Math.min(inFlight.size ? Infinity : (pause?.until ?? Infinity), ...waiting.map(deadlineOf)))
  }
  const setDeadline = deadlineTimer(() => {
    proceed()
    changed()
  })

  const sends = (): Entry[] => waiting.filter(({ asked }) => asked.type === 'send')

  const isAnswered = (
    { asked: request, writtenAt, isAnswer }: Entry,
    frame: GatewayFrameOf<AnswerType>,
  ): boolean => {
    if (request.id !== undefined) return (frame as { id?: string }).id === request.id
    if (frame.type === 'refused') return frame.re === request.type
    return !!writtenAt && !!isAnswer?.(frame, request)
  }

  return {
    async add<T>(request: Request, options: RequestOptions = {}): Promise<T> {
      const copy = checkedCopy(request, options.checks)
      const size = utf8(JSON.stringify(copy)).length
      if (size > limits.frame) throw new SessionError('too-large')
      let bytes = size
      for (const entry of waiting) {
        bytes += entry.size
        const kept = options.merge?.(entry.asked, copy)
        if (!kept) continue
        if (kept === copy) {
          entry.asked = copy
          // The older request may be in flight, and its answer does not always answer the newer request.
          inFlight.delete(entry)
          proceed()
        }
        return entry.answer as Promise<T>
      }
      if (bytes > MAX_BYTES && !options.writtenAt) throw new SessionError('outbox-full', { retryable: true })
      let settle!: Entry['settle']
      const answer = new Promise<T>((resolve, reject) => {
        settle = (outcome) => {
          waiting = waiting.filter((each) => each !== entry)
          inFlight.delete(entry)
          if (outcome instanceof SessionError) reject(outcome)
          else resolve(outcome as T)
        }
      })
      const entry: Entry = { ...options, asked: copy, size, answer, settle }
      waiting = [...waiting, entry]
      // The messages of earlier pages come first. Nothing is written before they are added: see `#hasLeftSends` in session.ts.
      if (options.writtenAt)
        waiting.sort((one, other) => (one.writtenAt ?? Infinity) - (other.writtenAt ?? Infinity))
      proceed()
      return answer
    },
    connected() {
      pause = undefined
      inFlight.clear()
      proceed()
    },
    proceed,
    answered(frame) {
      // A refusal without an id may fit several requests. Those in flight come first, because a refusal answers a request that was sent.
      const entry = [...inFlight, ...waiting].find((each) => isAnswered(each, frame))
      if (entry) inFlight.delete(entry)
      if (frame.type !== 'refused') entry?.settle(frame)
      // The outbox pauses even if no request waits for this refusal: the gateway has also refused what was sent after the refused request.
      else if (frame.retryable)
        pause = {
          reason: frame.code === 'rate-limited' ? frame.code : 'busy',
          until: now() + (frame.retryAfter ?? DEFAULT_RETRY_AFTER),
        }
      else entry?.settle(new SessionError(frame.code, frame))
      proceed()
      return entry
    },
    pending: () => sends().length,
    leave: () =>
      sends().map((entry) => ({
        ...(entry.asked as ClientFrameOf<'send'>),
        writtenAt: toUnixTime((entry.writtenAt ??= now())),
      })),
    pause: () => pause,
    end(error) {
      for (const { settle } of waiting) settle(error)
      // This clears the pause and the timer, too.
      this.connected()
    },
  }
}
