import { createTurnLimit } from '../limits/turn-limit.js'

/**
 * How many messages of pages are read or sent in one turn of the event loop. The last page may go beyond. To read and send a message takes
 * about 6 µs; it counts twice if both happen in one turn.
 */
const MAX_PER_TURN = 256

/** Spreads the pages of messages of all sessions and REST calls over turns of the event loop. */
export interface MessageTurns {
  /** Resolves when `messages` messages may be read or sent: in this turn, or in a later one. Calls resolve in their order. */
  wait(messages: number): Promise<void>
}

/** Without it the memory engine would read many pages in one turn, and pages of Redis may come for many sessions at once. */
export const createMessageTurns = (): MessageTurns => {
  const limit = createTurnLimit(MAX_PER_TURN)
  // A page costs something of its own, even if it turns out to be empty.
  return { wait: (messages) => new Promise((resolve) => limit.run(resolve, messages + 1)) }
}
