import { LRUCache } from 'lru-cache'
import { EngineError, type Engine, type UserRef } from '../../engine/index.js'
import { senderOf, userKey } from '../../engine/internal.js'
import type { Message } from '../../protocol/index.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'

/** How old a name may be that a list of peers shows, in milliseconds. */
const MAX_AGE = 10_000
/** About how many characters the names may take. */
const MAX_SIZE = 4_000_000
/** About how many characters an entry takes besides its texts. */
const ENTRY_SIZE = 200

interface Known {
  sender: Message['sender']
}

/** The names and photos of users, for lists of peers. */
export type KnownProfiles = ReturnType<typeof createKnownProfiles>

interface Options {
  engine: Pick<Engine, 'user'>
  log: Pick<Log, 'warn'>
  metrics: Pick<Metrics, 'engineErrors'>
  /** @default performance.now */
  now?: () => number
}

/** A page shows the same peers again and again, so what was read of a user is kept for ten seconds. */
export const createKnownProfiles = ({ engine, log, metrics, now = () => performance.now() }: Options) => {
  const profiles = new LRUCache<string, Known>({
    maxSize: MAX_SIZE,
    sizeCalculation: ({ sender }, key) =>
      key.length + (sender?.name?.length ?? 0) + (sender?.photoUrl?.length ?? 0) + ENTRY_SIZE,
    ttl: MAX_AGE,
    ttlResolution: 0,
    perf: { now },
  })

  /** Resolves with undefined if the engine fails. The list of peers then shows what their messages say. */
  const read = async (of: UserRef): Promise<Known | undefined> => {
    try {
      const user = await engine.user(of)
      return { sender: user && senderOf(user) }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      metrics.engineErrors.inc({ code: error.code })
      log.warn({ err: error }, 'a list of peers lacks a name because the engine failed')
      return undefined
    }
  }

  return {
    /** Resolves with the name and the photo of a user; with null if the user has neither, does not exist, or can't be read. */
    async of(user: UserRef): Promise<Message['sender']> {
      const key = userKey(user)
      const known = profiles.get(key) ?? (await read(user))
      if (!known) return null
      // The time of an entry is that of its reading.
      if (!profiles.has(key)) profiles.set(key, known)
      return known.sender
    },
  }
}
