import type { RefusalCode } from '../../protocol/index.js'
import type { ConnectionHandle } from './connection-handle.js'

/** Why a message is not taken now; `retryAfter` in milliseconds. */
export interface SendHold {
  code: RefusalCode
  why: string
  retryAfter: number | undefined
}

/**
 * Keeps the messages of one connection in the order in which they were sent. When one is refused for now, others may be
 * on their way already: they are refused too, until the client is known to have heard of the first. Then the order is
 * the client's to say.
 */
export interface SendOrder {
  /** Why a message that comes now would overtake another one; undefined when it would not. */
  current(): SendHold | undefined
  /** The client was just told that a message is refused which may be taken later. */
  hold(busy: SendHold): void
}

/** `patience` is how many milliseconds a connection may be silent: what was on its way has come by then. */
export const createSendOrder = (
  line: Pick<ConnectionHandle, 'ping' | 'hasAnswered' | 'answersPings'>,
  patience: number,
): SendOrder => {
  let hold: { busy: SendHold; since: number; ping: number } | undefined

  const current = () => {
    if (!hold) return undefined
    // Who never says `pong` can only be taken to wait for as long as they were told.
    const lasts = line.answersPings() ? patience : (hold.busy.retryAfter ?? 0)
    if (performance.now() >= hold.since + lasts || line.hasAnswered(hold.ping)) hold = undefined
    return hold
  }

  return {
    current() {
      const holding = current()
      if (!holding) return undefined
      const { busy, since } = holding
      const { code, why, retryAfter } = busy
      const left = retryAfter && Math.max(0, Math.ceil(since + retryAfter - performance.now()))
      return { code, why, retryAfter: left }
    },
    hold(busy) {
      // Those that were held make it no longer: who goes on and on would never be heard.
      if (current()) return
      hold = { busy, since: performance.now(), ping: line.ping() }
      // Whoever said no `pong` for `started` is one behind for ever: their answer to this one makes up for it.
      line.ping()
    },
  }
}
