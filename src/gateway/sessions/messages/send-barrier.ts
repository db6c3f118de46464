import type { RefusalParts } from '../../messages/client-sends.js'
import type { Pings } from '../connection-handle.js'

/**
 * Keeps the messages of one connection in the order in which its client sent them. If a send is refused for now, the client may have sent
 * further messages already. These are refused, too, until the client has received the first refusal.
 */
export type SendBarrier = ReturnType<typeof createSendBarrier>

/**
 * Creates the barrier of a connection. A connection ends if the gateway receives nothing for `silenceLimit` milliseconds. When this time has
 * passed since a refusal, all frames that the client sent before the refusal have arrived, and the barrier falls.
 */
export const createSendBarrier = (pings: Pings, silenceLimit: number) => {
  let raised: { refusal: RefusalParts; since: number; ping: number } | undefined

  const standing = () => {
    if (!raised) return undefined
    // A client that never sends `pong` can't confirm the refusal. For such a client the barrier stays for the refusal's `retryAfter`.
    const duration = pings.answersPings() ? silenceLimit : (raised.refusal[2] ?? 0)
    if (performance.now() >= raised.since + duration || pings.hasAnswered(raised.ping)) raised = undefined
    return raised
  }

  return {
    /** Returns the refusal of an earlier send that a new send would overtake; undefined if there is none. */
    current(): RefusalParts | undefined {
      const barrier = standing()
      if (!barrier) return undefined
      const [code, why, retryAfter] = barrier.refusal
      const remaining = retryAfter && Math.max(0, Math.ceil(barrier.since + retryAfter - performance.now()))
      return [code, why, remaining]
    },
    /** Refuses the next sends for the same reason. Called when a send that the client may try again was refused. */
    raise(...refusal: RefusalParts): void {
      // A send that the barrier itself refuses does not raise it again. Otherwise a client that keeps sending would never get through.
      if (standing()) return
      raised = { refusal, since: performance.now(), ping: pings.ping() }
      // `started` counts as the first ping, and `hasAnswered` compares the ping's number with the number of pongs. A client that sent no
      // `pong` for `started` is always one pong behind, so only its answer to this second `ping` confirms the refusal.
      pings.ping()
    },
  }
}
