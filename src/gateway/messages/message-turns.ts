import { createTurnLimit } from '../limits/turn-limit.js'

/**
 * How many messages are read or sent in one turn of the event loop. They come in pages. The last page may take a turn above this number.
 * The limit keeps a turn short: reading and sending a message takes about 6 µs. A message that is read and sent in one turn counts twice.
 */
const MAX_PER_TURN = 256

/** Spreads the pages of messages of all sessions and REST calls over turns of the event loop. */
export interface MessageTurns {
  /** Resolves when this many messages may be read or sent, in this turn or in a later one. Calls resolve in their order. */
  wait(messages: number): Promise<void>
}

/**
 * Creates the turns. Without them the memory engine would read many pages in one turn, and Redis could answer with the pages of many
 * sessions in one turn.
 */
export const createMessageTurns = (): MessageTurns => {
  const limit = createTurnLimit(MAX_PER_TURN)
  // A page itself counts as one message, because even an empty page takes time.
  return { wait: (messages) => new Promise((resolve) => limit.run(resolve, messages + 1)) }
}
