import { randomBytes } from 'node:crypto'
import type { EngineEvent, UserRef } from '../engine.js'
import { EngineError } from '../errors.js'
import { unfinishedTransfer } from '../transfer.js'
import { Clock } from '../../util/clock.js'
import { Scheduler } from '../../util/scheduler.js'
import { EventQueue } from './webhooks/event-queue.js'
import { sweepExpired } from './store/expiry-sweep.js'
import type { Core } from './store/core.js'
import { checkFormat, putFormat } from './store/format.js'
import { GroupCommit, SPACING } from './store/group-commit.js'
import { Adoptions } from './sessions/adoptions.js'
import { Guests } from './sessions/guests.js'
import { Inboxes } from './messages/inboxes.js'
import { Pushes } from './push/pushes.js'
import { Revocations } from './sessions/revocations.js'
import { Reads } from './store/reads.js'
import { rows } from './store/rows.js'
import { put, read, type Operation, type Store, type Volume } from './store/store.js'
import { Usage } from './store/usage.js'
import { Users } from './sessions/users.js'
import { UserQueues } from './webhooks/user-queues.js'
import { WebhookEvents, type Presence } from './webhooks/webhook-events.js'

/** An open volume, and what reads and writes its rows. After a failed write, a recovery opens another `Database`. */
export interface Database extends Core {
  volume: Volume
  users: Users
  guests: Guests
  revocations: Revocations
  inboxes: Inboxes
  pushes: Pushes
  queue: EventQueue
  webhooks: WebhookEvents
  /** The bytes of `Engine.key`. */
  key: Uint8Array
}

interface EpochRow {
  /** The secret from which the epoch of every inbox is derived. */
  key: string
  /**
   * The identity of the volume on which the row was written. A copy of that volume may lack acknowledged writes. It has another identity,
   * so it gets another `key`, and its inboxes get other epochs.
   */
  identity: string
}

const SECRET_BYTES = 32
/** The parts of `cacheBytes` for the inboxes in memory and for the indexes of their peers. The rest is for the senders of messages. */
const SHARES = { inboxes: 0.65, peers: 0.125 }

const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

/**
 * Checks the format of the rows, and reads the engine's secrets. Missing secrets are made, and synced before the function returns them.
 * Otherwise a power cut could remove a secret on which data depend.
 */
const loadSecrets = async (
  store: Store,
  commit: GroupCommit,
  identity: string,
): Promise<{ key: string; epochKey: string }> => {
  // The time is stored with the format: if the engine crashes before its first `saveTime`, the time until the next opening does not count.
  const missing: Operation[] = checkFormat(store) ? [] : [putFormat(), put(rows.time, Date.now())]
  let key = read(store, rows.key) as string | undefined
  if (key === undefined) missing.push(put(rows.key, (key = newSecret())))
  let epoch = read(store, rows.epoch) as EpochRow | undefined
  if (epoch?.identity !== identity) missing.push(put(rows.epoch, (epoch = { key: newSecret(), identity })))
  if (missing.length > 0) await commit.sync(missing)
  return { key, epochKey: epoch.key }
}

/**
 * Returns the time of the engine's clock at the last `saveTime`; the present time if none is stored. The time while the engine was closed
 * does not count, because no clock measures it reliably.
 */
const loadTime = (store: Store): number => (read(store, rows.time) as number | undefined) ?? Date.now()

/**
 * Stores the times of the engine's clock and of the wall clock, without a sync. A crash loses the seconds since the last call. Messages and
 * idempotency keys are then kept that much longer, and users who were connected count as last seen that much earlier.
 */
export const saveTime = ({ clock, commit }: Database): void =>
  commit.defer(rows.time, (batch) => batch.push(put(rows.time, clock.now()), put(rows.openAt, Date.now())))

interface DatabaseOptions {
  openVolume: (signal: AbortSignal) => Promise<Volume>
  signal: AbortSignal
  onFailure: (failure: EngineError) => void
  emit: (event: EngineEvent) => void
  onError: (error: unknown) => void
  hasSession: (of: UserRef) => boolean
  presenceOf: (of: UserRef) => Presence
  /** The clock of the failed database that this one replaces. The new clock begins at the time of that clock, so that the outage counts. */
  failedClock: Clock | undefined
  /** Called before the database is returned. If it rejects, the volume is closed again. */
  prepare: (database: Database) => Promise<void>
}

export const openDatabase = async (options: DatabaseOptions): Promise<Database> => {
  const volume = await options.openVolume(options.signal)
  try {
    const database = await connect(volume, options)
    const { commit, guests, inboxes } = database
    try {
      await inboxes.loadIds()
      await options.prepare(database)
      // Throws if the write of a background job has failed by now, because then the commit refuses every further write.
      commit.assertWritable()
      guests.sweep()
    } catch (error) {
      await stop(database)
      throw error
    }
    return database
  } catch (cause) {
    await volume.store.close()
    throw cause instanceof EngineError
      ? cause
      : new EngineError('unavailable', "The engine's store can't be made ready: the cause says why.", {
          cause,
        })
  }
}

/** Makes everything that reads and writes the rows of a volume. */
const connect = async (
  volume: Volume,
  { onFailure, emit, onError, hasSession, presenceOf, failedClock }: DatabaseOptions,
): Promise<Database> => {
  const { store, identity, isPersistent, cacheBytes } = volume
  const inboxBytes = cacheBytes * SHARES.inboxes
  const peerBytes = cacheBytes * SHARES.peers
  if (read(store, rows.unfinishedTransfer) !== undefined)
    throw new EngineError('unavailable', unfinishedTransfer("The engine's folder"))
  const commit = new GroupCommit(store, onFailure, () => volume.assertPresent(), isPersistent ? SPACING : 0)
  const { key, epochKey } = await loadSecrets(store, commit, identity)
  const clock = new Clock(Math.max(loadTime(store), failedClock?.now() ?? 0))
  const scheduler = new Scheduler(clock, () => commit.isWritable, onError)
  const [reads, usage] = [new Reads(store), new Usage(store, commit)]
  const run = ((read(store, rows.run) as number | undefined) ?? 0) + 1
  // No row with the number of this run is written before this one.
  commit.append([put(rows.run, run)])
  const core: Core = { store, commit, reads, usage, run, clock, scheduler, emit, onError }
  const revocations = new Revocations(core)
  const queues = new UserQueues(core)
  const queue = new EventQueue(core, queues)
  const webhooks = new WebhookEvents({ ...core, queues, presenceOf })
  const pushes = new Pushes({ ...core, revocations, webhooks })
  const users = new Users({
    ...{ ...core, webhooks, cacheBytes: cacheBytes - inboxBytes - peerBytes },
    onDelete: (of) => pushes.forget(of),
  })
  const adoptions = new Adoptions({ ...core, users, revocations, webhooks })
  const inboxes = new Inboxes({
    ...{ ...core, users, revocations, adoptions, pushes, webhooks, epochKey },
    ...{ isPersistent, cacheBytes: inboxBytes, peerBytes },
    onEmptied: (of) => guests.deleteIfUnused(of),
  })
  const guests = new Guests({
    ...{ ...core, users },
    isInUse: (of) => hasSession(of) || inboxes.hasMessages(of),
    deleteAll: (of) => inboxes.delete(of, () => users.delete(of)),
  })
  sweepExpired(core)
  const parts = { users, guests, revocations, inboxes, pushes, queue, webhooks }
  return { ...core, ...parts, volume, key: Buffer.from(key, 'base64url') }
}

/** Ends everything that reads the store, and writes what waits. */
const stop = async ({ commit, reads, scheduler, queue }: Database): Promise<void> => {
  await scheduler.stop()
  await queue.idle()
  await reads.idle()
  await commit.idle()
  // Whoever waited for a write may have gone on with a read.
  await reads.idle()
  await commit.close()
}

/** Writes pending changes and closes the store. */
export const closeDatabase = async (database: Database): Promise<void> => {
  if (database.volume.isPersistent) saveTime(database)
  await stop(database)
  await database.volume.store.close()
}
