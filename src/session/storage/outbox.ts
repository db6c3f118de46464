import { limits, sendFields, type ClientFrameOf, type GatewayFrameOf } from '../../protocol/index.js'
import { wrongField, type callFrames } from '../../protocol/internal.js'
import { deadlineTimer, now, toUnixTime } from '../clock.js'
import { SessionError } from '../errors.js'
import type { AnswerType } from '../machine/state.js'
import { utf8 } from '../utf8.js'

export type Request = ClientFrameOf<'send' | keyof typeof callFrames>
/** The checks of a request's fields. */
export type RequestChecks = typeof sendFields | (typeof callFrames)[keyof typeof callFrames]

export interface RequestOptions {
  /** @default the checks of a message */
  checks?: RequestChecks
  /** Returns whether a frame answers a request that has no id. It is not called before the request was written: such frames come unasked, too. */
  isAnswer?: (frame: GatewayFrameOf<AnswerType>, request: Request) => boolean
  /** Returns that one of two requests which makes the other needless; undefined if both are needed. */
  merge?: (older: Request, newer: Request) => Request | undefined
  /** When an earlier page wrote the message. */
  writtenAt?: number
}

/** Bytes of all requests that wait, and how many of them are on their way at once. */
const MAX_BYTES = 262_144
const MAX_IN_FLIGHT = 100
/** Milliseconds to wait after a refusal without `retryAfter`. */
const DEFAULT_RETRY_AFTER = 1_000

/**
 * Returns a copy of the frame as it would arrive, so that later changes to the original don't change the sent frame. Throws
 * `bad-request` for a frame that every gateway would refuse.
 */
export const checkedCopy = <F extends Request>(frame: F, checks: RequestChecks = sendFields): F => {
  const copy = JSON.parse(JSON.stringify(frame)) as F
  if (wrongField(checks, copy)) throw new SessionError('bad-request')
  return copy
}

/** Why nothing is written for now, and until when. */
export interface Pause {
  reason: 'rate-limited' | 'busy'
  until: number
}

/** A message that is not stored yet, as a page leaves it to the next page of the tab. */
export type LeftSend = ClientFrameOf<'send'> & {
  /** Unix time in milliseconds at which it was first written to a connection, or was left. */
  writtenAt: number
}

/** Requests without an answer. They are sent in order, and again on the next connection, until they are answered. */
export interface Outbox {
  /**
   * Resolves with the answer. Of two requests that `merge` makes one of, both get the same answer.
   */
  add<T>(request: Request, options?: RequestOptions): Promise<T>
  /** There is a new connection: writes every request again. */
  connected(): void
  /** Settles the request that `frame` answers. Returns undefined if there is none. */
  answered(frame: GatewayFrameOf<AnswerType>): unknown
  /** Returns how many messages are not stored yet. */
  pending(): number
  /** Returns them for the next page of the tab, and for a post. They may be stored from now on. */
  leave(): LeftSend[]
  /** The gateway's refusal that holds all requests up. */
  pause(): Pause | undefined
  /** Rejects all requests. */
  end(error: SessionError): void
}

interface Entry {
  asked: Request
  size: number
  isAnswer: RequestOptions['isAnswer']
  answer: Promise<unknown>
  /** Settles `answer`, and takes the request out of the outbox. */
  settle: (outcome: SessionError | GatewayFrameOf<AnswerType>) => void
  /** When the request was first written. Before that it can't have an unknown outcome. */
  writtenAt?: number | undefined
}

/**
 * `write` returns whether there is a connection, `timeout` for how many milliseconds the gateway recognizes a repeated id, `epoch` the
 * inbox's. `changed` is called when time has changed what waits, or why.
 */
export const createOutbox = (
  write: (request: Request) => boolean,
  timeout: () => number,
  epoch: () => string,
  changed: () => void,
): Outbox => {
  const waiting = new Set<Entry>()
  /** After a retryable refusal nothing is sent; undefined if requests may be sent. */
  let pause: Pause | undefined
  /**
   * What this connection has and has not answered. After a retryable refusal nothing is sent until this is empty: the gateway refuses all
   * that follows, and a second copy of a request might be stored after the first was refused for good.
   */
  const inFlight = new Set<Entry | undefined>()

  const send = (entry: Entry): void => {
    const { asked: request } = entry
    // A request that was made before the first session has no epoch: it is about that session's inbox.
    if ('epoch' in request) request.epoch ||= epoch()
    if (!pause && inFlight.size < MAX_IN_FLIGHT && write(request)) {
      inFlight.add(entry)
      entry.writtenAt ??= now()
    }
  }

  const deadlineOf = ({ writtenAt = Infinity }: Entry): number => writtenAt + timeout()

  const proceed = (): void => {
    const time = now()
    for (const entry of waiting)
      if (deadlineOf(entry) <= time) entry.settle(new SessionError('unknown-outcome'))
    if (pause && pause.until <= time && !inFlight.size) pause = undefined
    // What a listener adds meanwhile is sent as it is added.
    for (const entry of [...waiting]) if (!inFlight.has(entry)) send(entry)
    schedule()
  }
  const setDeadline = deadlineTimer(() => {
    proceed()
    changed()
  })
  const schedule = (): void => {
    setDeadline(
      Math.min(inFlight.size ? Infinity : (pause?.until ?? Infinity), ...[...waiting].map(deadlineOf)),
    )
  }

  const sends = (): Entry[] => [...waiting].filter(({ asked }) => asked.type === 'send')

  const isAnswered = (
    { asked: request, writtenAt, isAnswer }: Entry,
    frame: GatewayFrameOf<AnswerType>,
  ): boolean => {
    if ('id' in request) return 'id' in frame && frame.id === request.id
    if (frame.type === 'refused') return frame.re === request.type
    return !!writtenAt && !!isAnswer?.(frame, request)
  }

  return {
    async add<T>(request: Request, { checks, isAnswer, merge, writtenAt }: RequestOptions = {}): Promise<T> {
      const copy = checkedCopy(request, checks)
      const size = utf8(JSON.stringify(copy)).length
      if (size > limits.frame) throw new SessionError('too-large')
      let bytes = size
      for (const entry of waiting) {
        bytes += entry.size
        const kept = merge?.(entry.asked, copy)
        if (!kept) continue
        if (kept === copy) {
          entry.asked = copy
          send(entry)
        }
        return entry.answer as Promise<T>
      }
      if (bytes > MAX_BYTES) throw new SessionError('outbox-full')
      let settle!: Entry['settle']
      const answer = new Promise<T>((resolve, reject) => {
        settle = (outcome) => {
          waiting.delete(entry)
          inFlight.delete(entry)
          if (outcome instanceof SessionError) reject(outcome)
          else resolve(outcome as T)
        }
      })
      const entry: Entry = { asked: copy, size, isAnswer, answer, settle, writtenAt }
      waiting.add(entry)
      send(entry)
      schedule()
      return answer
    },
    connected() {
      pause = { reason: 'busy', until: 0 }
      inFlight.clear()
      proceed()
    },
    answered(frame) {
      // A refusal without an id may fit several requests: those in flight come first, or the last of them would seem unanswered for ever.
      const entry = [...inFlight, ...waiting].find((entry) => entry && isAnswered(entry, frame))
      inFlight.delete(entry)
      if (frame.type !== 'refused') entry?.settle(frame)
      // Even if the refused request was answered since: the requests that followed it were refused too.
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
      pause = undefined
      for (const { settle } of waiting) settle(error)
      schedule()
    },
  }
}
