import { limits, requestFrames, type ClientFrameOf, type GatewayFrameOf } from '../protocol/index.js'
import { wrongField } from '../protocol/internal.js'
import { clock } from './clock.js'
import { SessionError } from './errors.js'
import { utf8 } from './utf8.js'

type Request = ClientFrameOf<'send' | 'history'>

const MOST_REQUESTS = 100
const MOST_BYTES = 1_000_000
/** Milliseconds to wait after a refusal that says none. */
const REST = 1_000

/** 128 random bits. */
export const newId = (): string => crypto.getRandomValues(new BigUint64Array(2)).join('-')

/** A copy as it would arrive: what is changed later is not what was sent. Throws `bad-request` for what no gateway takes. */
export const checked = <F extends ClientFrameOf<keyof typeof requestFrames>>(frame: F): F => {
  const copy = JSON.parse(JSON.stringify(frame)) as F
  if (wrongField(requestFrames[frame.type], copy)) throw new SessionError('bad-request')
  return copy
}

/** Requests that are not answered yet. They go in order, and again on the next connection, until they are. */
export interface Outbox {
  /** Resolves with the answer. */
  add<T>(request: Request): Promise<T>
  /** There is a new connection. */
  connected(): void
  /** What the gateway says to a request, if it is one of these. */
  answered(frame: GatewayFrameOf<'sent' | 'history' | 'refused'>): void
  /** Rejects all of them. */
  end(error: SessionError): void
}

/** `write` answers whether there is a connection, `patience` how long the gateway knows an id again. */
export const createOutbox = (write: (request: Request) => boolean, patience: () => number): Outbox => {
  const waiting = new Map<
    string,
    {
      request: Request
      size: number
      settle: (error?: SessionError, answer?: unknown) => void
      /** When it is given up: set as soon as it was on the wire. */
      until?: number
    }
  >()
  /** After a refusal that may pass, until when nothing is sent. */
  let restsUntil = 0

  const send = (): void => {
    for (const entry of waiting.values()) if (write(entry.request)) entry.until ??= Date.now() + patience()
  }

  const look = (): void => {
    const now = Date.now()
    for (const { until, settle } of [...waiting.values()])
      if (until && until <= now) settle(new SessionError('unknown-outcome'))
    if (restsUntil && restsUntil <= now) {
      restsUntil = 0
      send()
    }
    plan()
  }
  const wait = clock(look, new AbortController().signal)
  const plan = (): void => {
    const times = [restsUntil, ...[...waiting.values()].map(({ until }) => until)].filter((time) => !!time)
    wait(waiting.size && times.length ? Math.min(...(times as number[])) : null)
  }

  return {
    add: <T>(request: Request) =>
      new Promise<T>((resolve, reject) => {
        const copy = checked(request)
        const { id } = copy
        const size = utf8(JSON.stringify(copy)).length
        if (size > limits.frame) throw new SessionError('too-large')
        const bytes = [...waiting.values()].reduce((sum, entry) => sum + entry.size, size)
        if (waiting.size >= MOST_REQUESTS || bytes > MOST_BYTES) throw new SessionError('outbox-full')
        const settle = (error?: SessionError, answer?: unknown): void => {
          waiting.delete(id)
          if (error) reject(error)
          else resolve(answer as T)
        }
        waiting.set(id, {
          request: copy,
          size,
          settle,
          ...(!restsUntil && write(copy) && { until: Date.now() + patience() }),
        })
        plan()
      }),
    connected() {
      restsUntil = 1
      look()
    },
    answered(frame) {
      const entry = waiting.get(frame.id ?? '')
      if (frame.type !== 'refused') entry?.settle(undefined, frame)
      // Also for one that is answered since: what followed it was refused too.
      else if (frame.retryable) restsUntil = Date.now() + (frame.retryAfter ?? REST)
      else entry?.settle(new SessionError(frame.code, frame))
      plan()
    },
    end(error) {
      restsUntil = 0
      for (const { settle } of [...waiting.values()]) settle(error)
      plan()
    },
  }
}
