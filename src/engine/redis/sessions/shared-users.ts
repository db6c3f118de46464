import type { Admission, AdmissionRefusal, SavedUser, UserChange, UserRecord, UserRef } from '../../engine.js'
import { isIssuedUpTo } from '../../decide/revocations/revoked.js'
import { EngineError } from '../../errors.js'
import {
  changesNothing,
  copyChange,
  hasChanged,
  refusalOf,
  senderOf,
  userAfter,
  userEventData,
} from '../../decide/users/user-changes.js'
import { userKey } from '../../user-key.js'
import { KeyedMutex } from '../../../util/keyed-mutex.js'
import { readList, type ListPosition } from '../lists.js'
import type { UserFields } from '../calls/users.js'
import type { Quotas } from '../quotas.js'
import type { StepRunner } from '../step-runner.js'
import type { Returns } from '../steps.js'
import type { SharedRevocations } from './shared-revocations.js'

/** How many times a save is tried again if other nodes change the user meanwhile. */
const MAX_TRIES = 50

/** The result of a write. `conflict`: another node has changed the user since it was read. */
type Written = SavedUser | 'revoked' | 'full' | 'conflict'

type Profiles = Pick<UserRecord, 'vouched' | 'vouchedAt' | 'setAt' | 'claimed'>

/** Returns a user's profiles and their times as Redis has them: as JSON, or as the empty text if there is none. */
export const profilesText = ({ vouched, vouchedAt, setAt, claimed }: Profiles): string => {
  const json = JSON.stringify({ vouched, vouchedAt, setAt, claimed })
  return json === NO_PROFILES ? '' : json
}

const NO_PROFILES = JSON.stringify({ vouched: {}, vouchedAt: null, claimed: {} })

/** Returns a user's record, made from what a step returns; null if there is no such user. */
export const userRecordOf = (
  { appId, userId }: UserRef,
  [profiles, createdAt]: readonly [...UserFields, ...unknown[]],
): UserRecord | null => {
  if (createdAt === null) return null
  return {
    appId,
    userId,
    ...(JSON.parse(profiles ?? NO_PROFILES) as Profiles),
    createdAt: Number(createdAt),
  }
}

/** Reads and writes the users of apps in Redis. */
export class SharedUsers {
  readonly #runner: StepRunner
  readonly #quotas: Quotas
  readonly #revocations: Pick<SharedRevocations, 'isTokenRevoked'>
  /** Runs the saves of a user by this node one after the other, so that they do not conflict. */
  readonly #mutex = new KeyedMutex()

  constructor(runner: StepRunner, quotas: Quotas, revocations: Pick<SharedRevocations, 'isTokenRevoked'>) {
    this.#runner = runner
    this.#quotas = quotas
    this.#revocations = revocations
  }

  async get(of: UserRef): Promise<UserRecord | null> {
    return userRecordOf(of, await this.#read(of))
  }

  /** Creates or changes the user. */
  async save(of: UserRef, change: UserChange): Promise<SavedUser> {
    const saved = await this.#save(of, change, () => undefined)
    if (typeof saved === 'string') throw new TypeError(`A save was refused as '${saved}'.`)
    return saved
  }

  /** Changes a user who exists. Resolves with null if there is no such user. */
  async change(of: UserRef, change: UserChange): Promise<SavedUser | null> {
    const saved = await this.#save(of, change, (stored) => (stored ? undefined : 'gone'))
    return typeof saved === 'string' ? null : saved
  }

  /**
   * Saves the user of a session that starts. Most such users are stored as they are: that takes one call, and `startSession` finds out
   * whether the token is revoked by its id.
   */
  admit(of: UserRef, change: UserChange, admission: Admission): Promise<SavedUser | AdmissionRefusal> {
    return this.#save(of, change, (stored) => refusalOf(stored, admission), admission)
  }

  /** Deletes the user and the inbox. */
  async delete(of: UserRef): Promise<boolean> {
    for (;;) {
      const [result] = await this.#runner.onUser(this.#runner.steps.deleteUser, of, [], {
        changes: { endsAs: 'revoked' },
      })
      const isUnfinished = result === -1
      if (!isUnfinished) return result === 1
    }
  }

  /** Returns the app's users that come after a user, partition by partition. */
  async after(appId: string, userId: string | null, limit: number): Promise<UserRecord[]> {
    const { partitions, steps } = this.#runner
    const found: UserRecord[] = []
    let from: ListPosition | undefined =
      userId === null
        ? { partition: 0, after: '' }
        : { partition: partitions.of({ appId, userId }), after: userId }
    while (from && found.length < limit) {
      const missing = limit - found.length
      const listed: ListPosition[] = await readList(this.#runner, {
        ...{ from, start: '', limit: missing },
        read: (of, after, most) => this.#runner.inPartitions(steps.listUsers, of, appId, [after, most]),
        parse: (ids, partition) => ids.map((after) => ({ partition, after })),
      })
      const users = await Promise.all(listed.map(({ after }) => this.get({ appId, userId: after })))
      // A listed user may have been deleted since. Another read fills the page, because a page that is not full counts as the last one.
      found.push(...users.filter((user) => user !== null))
      from = listed.length < missing ? undefined : listed.at(-1)
    }
    return found
  }

  #read(of: UserRef): Promise<Returns<'readUser'>> {
    return this.#runner.onUser(this.#runner.steps.readUser, of, [])
  }

  #save(
    { appId, userId }: UserRef,
    change: UserChange,
    refuse: (stored: UserRecord | null) => AdmissionRefusal | undefined,
    admission?: Admission,
  ): Promise<SavedUser | AdmissionRefusal> {
    const of = { appId, userId }
    const copy = copyChange(change)
    const maxGuests = admission?.maxGuests ?? null
    return this.#mutex.run(userKey(of), async () => {
      for (let triesLeft = MAX_TRIES; ; triesLeft--) {
        const reply = await this.#read(of)
        const [, , revokedBefore] = reply
        if (admission && isIssuedUpTo(admission.credential.issuedAt, revokedBefore)) return 'revoked'
        const stored = userRecordOf(of, reply)
        const refusal = refuse(stored)
        if (refusal) return refusal
        if (stored && maxGuests === null && changesNothing(stored, change))
          return { user: stored, created: false, changed: false }
        if (admission && (await this.#revocations.isTokenRevoked(appId, admission.credential.tokenId)))
          return 'revoked'
        // The script that writes compares once more with the revocations of the user and the app.
        const write = (guests: number | null): Promise<Written> =>
          this.#write(of, copy, reply, guests, admission)
        const written =
          maxGuests === null || stored
            ? await write(maxGuests)
            : await this.#quotas.inTurn(appId, () => this.#createGuest(of, maxGuests, write))
        if (written !== 'conflict') return written
        if (triesLeft === 0)
          throw new EngineError('unavailable', 'Other nodes keep changing this user: try again later.')
      }
    })
  }

  /** Calls `write` with the limit of guests, in a cluster with what the other partitions leave of it. */
  async #createGuest(
    of: UserRef,
    maxGuests: number,
    write: (guests: number) => Promise<Written>,
  ): Promise<Written> {
    const partition = this.#runner.partitions.of(of)
    // Without a cluster the first try was exact.
    for (const isAtLimit of this.#runner.isCluster ? [false, true] : [false]) {
      const { guests } = await this.#quotas.others(of.appId, partition, isAtLimit)
      const written = await write(maxGuests - guests)
      if (written !== 'full') return written
    }
    return 'full'
  }

  async #write(
    of: UserRef,
    change: UserChange,
    read: Returns<'readUser'>,
    maxGuests: number | null,
    admission: Admission | undefined,
  ): Promise<Written> {
    const stored = userRecordOf(of, read)
    const user = userAfter(of, stored, change, 0)
    const created = stored === null
    const changed = hasChanged(user, stored)
    if (!changed && user.vouchedAt === stored?.vouchedAt && maxGuests === null)
      return { user, created: false, changed: false }
    const sender = senderOf(user)
    const [profiles, readCreatedAt] = read
    const args = [
      profiles,
      readCreatedAt,
      profilesText(user),
      sender && JSON.stringify(sender),
      maxGuests,
      changed && JSON.stringify(user),
      changed && JSON.stringify(userEventData(user)).slice(1, -1),
      admission !== undefined,
      admission?.credential.issuedAt,
    ] as const
    const { saveUser } = this.#runner.steps
    const [outcome, createdAt] = await this.#runner.onUser(saveUser, of, args, { changes: { profile: true } })
    return outcome === 'saved' ? { user: { ...user, createdAt }, created, changed } : outcome
  }
}
