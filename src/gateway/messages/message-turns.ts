import type { UserRef } from '../../engine/index.js'
import { createRateLimiter } from '../limits/rate-limiter.js'
import { createTurnLimit } from '../limits/turn-limit.js'

/**
 * How many messages are read or sent in one turn of the event loop. They come in pages. The last page may take a turn above this number.
 * The limit keeps a turn short: reading and sending a message takes about 6 µs. A message that is read and sent in one turn counts twice.
 */
const MAX_PER_TURN = 192

/** How many messages of one user may be read and sent in a second. Beyond it the user is a heavy reader. */
const PER_SECOND = 1_000

/**
 * How many messages of heavy readers are read or sent in one of `HEAVY_EVERY` turns. A frame of another user waits for several turns, and
 * few of them have a page. An idle event loop makes its turns at once, so the pages come as fast as without the pause.
 */
const MAX_HEAVY = 64
const HEAVY_EVERY = 4

/** This many bytes take as long as a further message. */
const BYTES_PER_MESSAGE = 2_048

/** Spreads the pages of messages of all sessions and REST calls over turns of the event loop. */
export type MessageTurns = ReturnType<typeof createMessageTurns>

/**
 * Creates the turns. Without them the memory engine would read many pages in one turn, and Redis could answer with the pages of many
 * sessions in one turn. Heavy readers keep nobody else waiting.
 */
export const createMessageTurns = () => {
  const turns = createTurnLimit(MAX_PER_TURN)
  const heavyTurns = createTurnLimit(MAX_HEAVY, HEAVY_EVERY)
  const rates = createRateLimiter()
  return {
    /**
     * Resolves when this many messages of the user's inbox may be read or sent, in this turn or in a later one. `bytes` is about how many
     * bytes they have. Users take turns, on however many connections each of them reads.
     */
    wait: ({ appId, userId }: UserRef, messages: number, bytes = 0): Promise<void> =>
      new Promise((resolve) => {
        // A page itself counts as one message, because even an empty page takes time.
        const weight = 1 + messages + bytes / BYTES_PER_MESSAGE
        const user = `${appId} ${userId}`
        const isHeavy = rates.spend('inboxMessagesPerSecond', user, PER_SECOND, weight) < 0
        const limit = isHeavy ? heavyTurns : turns
        limit.run(resolve, weight, user)
      }),
  }
}
