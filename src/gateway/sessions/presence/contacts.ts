import type { Engine, UserRef } from '../../../engine/index.js'
import type { Message } from '../../../protocol/index.js'

/** How many other users are remembered, and for how many milliseconds an answer of the engine counts. */
const MAX_KNOWN = 512
const KNOWN_FOR = 60_000

/** `received`: the other user has written to the user. `either`: one of the two has written to the other. */
type ContactKind = 'received' | 'either'

/** What the engine and the session's messages say about another user. Times are those of the monotonic clock. */
interface Known {
  receivedUntil: number
  sentUntil: number
  /** The time before which the engine is not asked again. */
  answeredUntil: number
}

/**
 * Finds a user's contacts: those to whom the user has written, or who have written to the user. Only kept messages count. The app's
 * settings `signals` and `presence` ask for contacts if their value is `peers`. An answer of the engine counts for a minute, and messages
 * of the session update it. So not every signal asks the engine.
 */
export class Contacts {
  readonly #engine: Pick<Engine, 'exchanges'>
  readonly #user: UserRef
  /** The other users, in the order of their last use, the latest last. */
  readonly #known = new Map<string, Known>()

  constructor(engine: Pick<Engine, 'exchanges'>, user: UserRef) {
    this.#engine = engine
    this.#user = user
  }

  /** Called with each message that comes into the user's inbox. */
  onMessage({ from, to }: Pick<Message, 'from' | 'to'>): void {
    const until = performance.now() + KNOWN_FOR
    if (from === this.#user.userId) this.#of(to).sentUntil = until
    else if (from !== null) this.#of(from).receivedUntil = until
  }

  /** Resolves with the ids in `userIds` that are contacts. The user's own id is one. Rejects with an `EngineError`. */
  async among(userIds: readonly string[], kind: ContactKind): Promise<ReadonlySet<string>> {
    const now = performance.now()
    const all = userIds.map((userId) => ({ userId, known: this.#of(userId) }))
    const isContact = ({ userId, known: { receivedUntil, sentUntil } }: (typeof all)[number]): boolean =>
      userId === this.#user.userId || receivedUntil > now || (kind === 'either' && sentUntil > now)
    const unknown = all.filter((each) => !isContact(each) && each.known.answeredUntil <= now)
    if (unknown.length > 0) {
      const exchanges = await this.#engine.exchanges(
        this.#user,
        unknown.map(({ userId }) => userId),
      )
      const until = now + KNOWN_FOR
      unknown.forEach(({ known }, n) => {
        known.answeredUntil = until
        // A message that came while the engine answered still counts.
        if (exchanges[n]?.received) known.receivedUntil = until
        if (exchanges[n]?.sent) known.sentUntil = until
      })
    }
    return new Set(all.filter(isContact).map(({ userId }) => userId))
  }

  #of(userId: string): Known {
    const known = this.#known.get(userId) ?? { receivedUntil: 0, sentUntil: 0, answeredUntil: 0 }
    this.#known.delete(userId)
    this.#known.set(userId, known)
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value ?? userId)
    return known
  }
}
