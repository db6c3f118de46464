import type { RefusalCode } from '../../protocol/index.js'
import type { ConnectionHandle } from './connection-handle.js'

/** Why a send is refused for now; `retryAfter` in milliseconds. */
export interface SendHold {
  code: RefusalCode
  why: string
  retryAfter: number | undefined
}

/**
 * Keeps the messages of one connection in the order in which its client sent them. If a send is refused for now, sends
 * behind it may be on their way already. They are refused too, until the client has received the first refusal.
 */
export interface SendOrder {
  /** Returns why a send that comes now would overtake a refused one; undefined if it would not. */
  current(): SendHold | undefined
  /** Refuses the sends that come next for the same reason: the client was sent `refused` for a send that it may try again. */
  hold(reason: SendHold): void
}

/** `silenceLimit` is how many milliseconds a connection may be silent: a frame that was on its way has come by then. */
export const createSendOrder = (
  connection: Pick<ConnectionHandle, 'ping' | 'hasAnswered' | 'answersPings'>,
  silenceLimit: number,
): SendOrder => {
  let holding: { reason: SendHold; since: number; ping: number } | undefined

  const held = () => {
    if (!holding) return undefined
    // A client that never sends `pong` can't confirm the refusal: the hold lasts as long as the refusal says to wait.
    const duration = connection.answersPings() ? silenceLimit : (holding.reason.retryAfter ?? 0)
    if (performance.now() >= holding.since + duration || connection.hasAnswered(holding.ping))
      holding = undefined
    return holding
  }

  return {
    current() {
      const hold = held()
      if (!hold) return undefined
      const { code, why, retryAfter } = hold.reason
      const remaining = retryAfter && Math.max(0, Math.ceil(hold.since + retryAfter - performance.now()))
      return { code, why, retryAfter: remaining }
    },
    hold(reason) {
      // A send that is refused by the hold does not extend the hold. Otherwise a client that keeps sending would never get through.
      if (held()) return
      holding = { reason, since: performance.now(), ping: connection.ping() }
      // If the client sent no `pong` for `started`, it is always one behind: its answer to this second ping makes up for that.
      connection.ping()
    },
  }
}
