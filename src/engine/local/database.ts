import { randomBytes } from 'node:crypto'
import { GroupCommit } from './group-commit.js'
import type { EngineEvent } from '../engine.js'
import { EngineError } from '../errors.js'
import { Inboxes } from './inboxes.js'
import { put, read, rows, type Operation, type Volume, type Store } from './store.js'
import { Users } from './users.js'

/** An opened store and what is kept in it, until it is closed or a write fails. */
export interface Database {
  volume: Volume
  commit: GroupCommit
  users: Users
  inboxes: Inboxes
  key: Uint8Array
}

interface EpochRow {
  /** Inboxes' epochs follow from it. */
  key: string
  /** Where it was written: elsewhere, acknowledged writes may be gone. */
  identity: string
}

const SECRET_BYTES = 32

const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

/** What an engine makes once; written down before anybody relies on it. */
const loadSecrets = async (
  store: Store,
  commit: GroupCommit,
  identity: string,
): Promise<{ key: string; epochKey: string }> => {
  const made: Operation[] = []
  let key = read(store, rows.key) as string | undefined
  if (key === undefined) made.push(put(rows.key, (key = newSecret())))
  let epoch = read(store, rows.epoch) as EpochRow | undefined
  if (epoch?.identity !== identity) made.push(put(rows.epoch, (epoch = { key: newSecret(), identity })))
  if (made.length > 0) await commit.sync(made)
  return { key, epochKey: epoch.key }
}

export interface DatabaseOptions {
  openVolume: (signal: AbortSignal) => Promise<Volume>
  life: AbortSignal
  onFailure: (failure: EngineError) => void
  emit: (told: EngineEvent) => void
  onError: (error: unknown) => void
  /** Makes ready what stands on it; what that rejects with closes the store again. */
  prepare: (database: Database) => Promise<void>
}

export const openDatabase = async ({
  openVolume: openPlace,
  life,
  onFailure,
  emit: tell,
  onError,
  prepare,
}: DatabaseOptions): Promise<Database> => {
  const volume = await openPlace(life)
  try {
    const { store, identity } = volume
    const commit = new GroupCommit(store, onFailure)
    const { key, epochKey } = await loadSecrets(store, commit, identity)
    const users = new Users(store, commit)
    const inboxes = new Inboxes({ store, commit, users, epochKey, emit: tell, onError })
    const database = { volume, commit, users, inboxes, key: Buffer.from(key, 'base64url') }
    try {
      await prepare(database)
      // What is tidied up may have failed meanwhile: then nothing would ever be written.
      commit.assertWritable()
    } catch (error) {
      // Before the store is closed: what tidies up would go on without it, for ever.
      await inboxes.stop()
      await commit.close()
      throw error
    }
    return database
  } catch (cause) {
    await volume.store.close()
    throw cause instanceof EngineError
      ? cause
      : new EngineError('unavailable', "The engine can't be made ready.", { cause })
  }
}

/** Writes what is waiting and lets the store go. */
export const closeDatabase = async ({ volume: volume, commit, users, inboxes }: Database): Promise<void> => {
  await users.idle()
  await inboxes.stop()
  await commit.close()
  await volume.store.close()
}
