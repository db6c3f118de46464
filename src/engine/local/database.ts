import { randomBytes } from 'node:crypto'
import { Commit } from './group-commit.js'
import type { EngineEvent } from '../engine.js'
import { EngineError } from '../errors.js'
import { Inboxes } from './inboxes.js'
import { put, read, rows, type Operation, type Place, type Store } from './store.js'
import { Users } from './users.js'

/** An opened store and what is kept in it, until it is closed or a write fails. */
export interface Keeping {
  place: Place
  commit: Commit
  users: Users
  inboxes: Inboxes
  key: Uint8Array
}

interface KeptEpoch {
  /** Inboxes' epochs follow from it. */
  key: string
  /** Where it was written: elsewhere, acknowledged writes may be gone. */
  identity: string
}

const SECRET_BYTES = 32

const secret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

/** What an engine makes once; written down before anybody relies on it. */
const keptSecrets = async (
  store: Store,
  commit: Commit,
  identity: string,
): Promise<{ key: string; epochKey: string }> => {
  const made: Operation[] = []
  let key = read(store, rows.key) as string | undefined
  if (key === undefined) made.push(put(rows.key, (key = secret())))
  let epoch = read(store, rows.epoch) as KeptEpoch | undefined
  if (epoch?.identity !== identity) made.push(put(rows.epoch, (epoch = { key: secret(), identity })))
  if (made.length > 0) await commit.durable(made)
  return { key, epochKey: epoch.key }
}

export interface KeepingOptions {
  openPlace: (life: AbortSignal) => Promise<Place>
  life: AbortSignal
  onFailure: (failure: EngineError) => void
  tell: (told: EngineEvent) => void
  onError: (error: unknown) => void
  /** Makes ready what stands on it; what that rejects with closes the store again. */
  prepare: (keeping: Keeping) => Promise<void>
}

export const openKeeping = async ({
  openPlace,
  life,
  onFailure,
  tell,
  onError,
  prepare,
}: KeepingOptions): Promise<Keeping> => {
  const place = await openPlace(life)
  try {
    const { store, identity } = place
    const commit = new Commit(store, onFailure)
    const { key, epochKey } = await keptSecrets(store, commit, identity)
    const users = new Users(store, commit)
    const inboxes = new Inboxes({ store, commit, users, epochKey, tell, onError })
    const keeping = { place, commit, users, inboxes, key: Buffer.from(key, 'base64url') }
    try {
      await prepare(keeping)
      // What is tidied up may have failed meanwhile: then nothing would ever be written.
      commit.check()
    } catch (error) {
      // Before the store is closed: what tidies up would go on without it, for ever.
      await inboxes.done()
      await commit.close()
      throw error
    }
    return keeping
  } catch (cause) {
    await place.store.close()
    throw cause instanceof EngineError
      ? cause
      : new EngineError('unavailable', "The engine can't be made ready.", { cause })
  }
}

/** Writes what is waiting and lets the store go. */
export const letGo = async ({ place, commit, users, inboxes }: Keeping): Promise<void> => {
  await users.done()
  await inboxes.done()
  await commit.close()
  await place.store.close()
}
