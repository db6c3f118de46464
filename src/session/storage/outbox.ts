import {
  limits,
  requestFrames,
  type ClientFrameOf,
  type GatewayFrameOf,
  type Resumption,
} from '../../protocol/index.js'
import { wrongField, type callFrames } from '../../protocol/internal.js'
import { deadlineTimer, now } from '../clock.js'
import { SessionError } from '../errors.js'
import type { AnswerType } from '../machine/state.js'
import { utf8 } from '../utf8.js'

type RequestTable = typeof requestFrames & typeof callFrames
type Request = ClientFrameOf<keyof RequestTable>
/** The checks of a request's fields. */
type RequestChecks = RequestTable[keyof RequestTable]
/** Returns whether a frame answers a request that has no id. */
export type IsAnswer = (frame: GatewayFrameOf<AnswerType>) => boolean

const MAX_REQUESTS = 100
const MAX_BYTES = 262_144
/** Milliseconds to wait after a refusal without `retryAfter`. */
const DEFAULT_RETRY_AFTER = 1_000

/**
 * Returns a copy of the frame as it would arrive, so that later changes to the original don't change the sent frame. Throws
 * `bad-request` for a frame that every gateway would refuse.
 */
export const checkedCopy = <F extends Request>(
  frame: F,
  checks: RequestChecks = requestFrames[frame.type as keyof typeof requestFrames],
): F => {
  const copy = JSON.parse(JSON.stringify(frame)) as F
  if (wrongField(checks, copy)) throw new SessionError('bad-request')
  return copy
}

/** Requests without an answer. They are sent in order, and again on the next connection, until they are answered. */
export interface Outbox {
  /**
   * Resolves with the answer. Frames that only some pages send come with their checks. A `read` replaces a waiting one of its epoch if its
   * offset is higher; both get the same answer.
   */
  add<T>(request: Request, checks?: RequestChecks, isAnswer?: IsAnswer): Promise<T>
  /** There is a new connection: writes every request again. */
  connected(): void
  /** Settles the request that `frame` answers, if it is in the outbox. */
  answered(frame: GatewayFrameOf<AnswerType>): void
  /** Rejects all requests. */
  end(error: SessionError): void
}

interface Entry {
  request: Request
  size: number
  isAnswer: IsAnswer | undefined
  answer: Promise<unknown>
  /** Settles `answer`, and takes the request out of the outbox. */
  settle: (outcome: SessionError | GatewayFrameOf<AnswerType>) => void
  /** When the request is given up. Set when it is first written: before that it can't have an unknown outcome. */
  deadline?: number
}

/**
 * `write` returns whether there is a connection, `timeout` for how many milliseconds the gateway recognizes a repeated id, `position` the
 * newest message that arrived.
 */
export const createOutbox = (
  write: (request: Request) => boolean,
  timeout: () => number,
  position: () => Pick<Resumption, 'epoch' | 'offset'> | null,
): Outbox => {
  const waiting = new Set<Entry>()
  /** After a retryable refusal, the time until which nothing is sent; Infinity if requests may be sent. */
  let backoffUntil = Infinity
  /**
   * What this connection has and has not answered. After a retryable refusal nothing is sent until this is empty: the gateway refuses all
   * that follows, and a second copy of a request might be stored after the first was refused for good.
   */
  const inFlight = new Set<Entry | undefined>()

  const send = (entry: Entry): void => {
    const { request } = entry
    // A request that was made before the first session has no epoch: it is about that session's inbox.
    if ('epoch' in request) request.epoch ||= position()?.epoch ?? ''
    if (backoffUntil === Infinity && write(request)) {
      inFlight.add(entry)
      entry.deadline ??= now() + timeout()
    }
  }

  const onDeadline = (): void => {
    const time = now()
    for (const { deadline = Infinity, settle } of waiting)
      if (deadline <= time) settle(new SessionError('unknown-outcome'))
    if (backoffUntil <= time && !inFlight.size) {
      backoffUntil = Infinity
      // What a listener adds meanwhile is sent as it is added.
      ;[...waiting].forEach(send)
    }
    schedule()
  }
  const setDeadline = deadlineTimer(onDeadline)
  const schedule = (): void => {
    setDeadline(
      Math.min(
        inFlight.size ? Infinity : backoffUntil,
        ...[...waiting].map(({ deadline = Infinity }) => deadline),
      ),
    )
  }

  const isAnswered = ({ request, deadline, isAnswer }: Entry, frame: GatewayFrameOf<AnswerType>): boolean => {
    if ('id' in request) return 'id' in frame && frame.id === request.id
    if (frame.type === 'refused') return frame.re === request.type
    // Before the request was sent nothing answers it: such frames come unasked, too.
    if (isAnswer) return !!deadline && isAnswer(frame)
    const newest = position()
    // Every other request has an id.
    const read = request as ClientFrameOf<'read'>
    if (frame.type !== 'unread' || read.epoch !== newest?.epoch) return false
    // The gateway's mark does not go beyond the newest message, which arrived before `unread`.
    const { with: peer, readOffset, readOffsetWith = -1 } = frame
    const mark = read.with === undefined ? readOffset : peer === read.with ? readOffsetWith : -1
    return mark >= Math.min(read.offset, newest.offset)
  }

  return {
    async add<T>(request: Request, checks?: RequestChecks, isAnswer?: IsAnswer): Promise<T> {
      const copy = checkedCopy(request, checks)
      const size = utf8(JSON.stringify(copy)).length
      if (size > limits.frame) throw new SessionError('too-large')
      let bytes = size
      for (const entry of waiting) {
        bytes += entry.size
        const { request: older, answer } = entry
        if (
          copy.type !== 'read' ||
          older.type !== 'read' ||
          copy.epoch !== older.epoch ||
          copy.with !== older.with
        )
          continue
        if (copy.offset > older.offset) {
          entry.request = copy
          send(entry)
        }
        return answer as Promise<T>
      }
      if (waiting.size >= MAX_REQUESTS || bytes > MAX_BYTES) throw new SessionError('outbox-full')
      let settle!: Entry['settle']
      const answer = new Promise<T>((resolve, reject) => {
        settle = (outcome) => {
          waiting.delete(entry)
          inFlight.delete(entry)
          if (outcome instanceof SessionError) reject(outcome)
          else resolve(outcome as T)
        }
      })
      const entry: Entry = { request: copy, size, isAnswer, answer, settle }
      waiting.add(entry)
      send(entry)
      schedule()
      return answer
    },
    connected() {
      backoffUntil = 0
      inFlight.clear()
      onDeadline()
    },
    answered(frame) {
      // A refusal without an id may fit several requests: those in flight come first, or the last of them would seem unanswered for ever.
      const entry = [...inFlight, ...waiting].find((entry) => entry && isAnswered(entry, frame))
      inFlight.delete(entry)
      if (frame.type !== 'refused') entry?.settle(frame)
      // Even if the refused request was answered since: the requests that followed it were refused too.
      else if (frame.retryable) backoffUntil = now() + (frame.retryAfter ?? DEFAULT_RETRY_AFTER)
      else entry?.settle(new SessionError(frame.code, frame))
      schedule()
    },
    end(error) {
      backoffUntil = Infinity
      for (const { settle } of waiting) settle(error)
      schedule()
    },
  }
}
