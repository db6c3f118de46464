import { limits, requestFrames, type ClientFrameOf, type GatewayFrameOf } from '../../protocol/index.js'
import { wrongField } from '../../protocol/internal.js'
import { deadlineTimer, now } from '../clock.js'
import { SessionError } from '../errors.js'
import { utf8 } from '../utf8.js'

type Request = ClientFrameOf<'send' | 'history'>

const MAX_REQUESTS = 100
const MAX_BYTES = 1_000_000
/** Milliseconds to wait after a refusal without `retryAfter`. */
const DEFAULT_RETRY_AFTER = 1_000

/** Returns an id of 128 random bits. */
export const newId = (): string => crypto.getRandomValues(new BigUint64Array(2)).join('-')

/**
 * Returns a copy of the frame as it would arrive, so that later changes to the original don't change the sent frame. Throws
 * `bad-request` for a frame that every gateway would refuse.
 */
export const checkedCopy = <F extends ClientFrameOf<keyof typeof requestFrames>>(frame: F): F => {
  const copy = JSON.parse(JSON.stringify(frame)) as F
  if (wrongField(requestFrames[frame.type], copy)) throw new SessionError('bad-request')
  return copy
}

/** Requests without an answer. They are sent in order, and again on the next connection, until they are answered. */
export interface Outbox {
  /** Resolves with the answer. */
  add<T>(request: Request): Promise<T>
  /** There is a new connection: writes every request again. */
  connected(): void
  /** Settles the request that `frame` answers, if it is in the outbox. */
  answered(frame: GatewayFrameOf<'sent' | 'history' | 'refused'>): void
  /** Rejects all requests. */
  end(error: SessionError): void
}

/** `write` returns whether there is a connection, `timeout` for how many milliseconds the gateway recognizes a repeated id. */
export const createOutbox = (write: (request: Request) => boolean, timeout: () => number): Outbox => {
  const waiting = new Map<
    string,
    {
      request: Request
      size: number
      settle: (error?: SessionError, answer?: unknown) => void
      /** When the request is given up. Set when it is first written: before that it can't have an unknown outcome. */
      deadline?: number
    }
  >()
  /** After a retryable refusal, the time until which nothing is sent; 0 if requests may be sent. */
  let backoffUntil = 0

  const send = (): void => {
    for (const entry of waiting.values()) if (write(entry.request)) entry.deadline ??= now() + timeout()
  }

  const onDeadline = (): void => {
    const time = now()
    for (const { deadline, settle } of [...waiting.values()])
      if (deadline && deadline <= time) settle(new SessionError('unknown-outcome'))
    if (backoffUntil && backoffUntil <= time) {
      backoffUntil = 0
      send()
    }
    schedule()
  }
  const setDeadline = deadlineTimer(onDeadline, new AbortController().signal)
  const schedule = (): void => {
    const times = [backoffUntil, ...[...waiting.values()].map(({ deadline }) => deadline)].filter(
      (time) => !!time,
    )
    setDeadline(waiting.size && times.length ? Math.min(...(times as number[])) : null)
  }

  return {
    add: <T>(request: Request) =>
      new Promise<T>((resolve, reject) => {
        const copy = checkedCopy(request)
        const { id } = copy
        const size = utf8(JSON.stringify(copy)).length
        if (size > limits.frame) throw new SessionError('too-large')
        const bytes = [...waiting.values()].reduce((sum, entry) => sum + entry.size, size)
        if (waiting.size >= MAX_REQUESTS || bytes > MAX_BYTES) throw new SessionError('outbox-full')
        const settle = (error?: SessionError, answer?: unknown): void => {
          waiting.delete(id)
          if (error) reject(error)
          else resolve(answer as T)
        }
        waiting.set(id, {
          request: copy,
          size,
          settle,
          ...(!backoffUntil && write(copy) && { deadline: now() + timeout() }),
        })
        schedule()
      }),
    connected() {
      backoffUntil = 1
      onDeadline()
    },
    answered(frame) {
      const entry = waiting.get(frame.id ?? '')
      if (frame.type !== 'refused') entry?.settle(undefined, frame)
      // Even if the refused request was answered since: the requests that followed it were refused too.
      else if (frame.retryable) backoffUntil = now() + (frame.retryAfter ?? DEFAULT_RETRY_AFTER)
      else entry?.settle(new SessionError(frame.code, frame))
      schedule()
    },
    end(error) {
      backoffUntil = 0
      for (const { settle } of [...waiting.values()]) settle(error)
      schedule()
    },
  }
}
