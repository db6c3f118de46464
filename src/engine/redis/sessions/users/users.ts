import { isGuestId } from '../../../../protocol/index.js'
import {
  mergeProfile,
  type SavedUser,
  type UserChange,
  type UserRecord,
  type UserRef,
} from '../../../engine.js'
import { EngineError } from '../../../errors.js'
import { changesNothing, copyChange, hasChanged, senderOf, userAfter } from '../../../user-changes.js'
import { KeyedMutex } from '../../../../util/keyed-mutex.js'
import type { Reply } from '../../client/port.js'
import { readList, type ListPosition } from '../../lists.js'
import type { Quotas } from '../../quotas.js'
import type { StepRunner } from '../../step-runner.js'

/** How often a save is tried if other nodes change the user meanwhile. */
const MAX_TRIES = 50

/** The stored fields of a user, which a save compares as texts. The text of an absent field is empty. */
type Fields = [vouched: string, vouchedAt: string, claimed: string, createdAt: string]

const fieldsOf = (reply: readonly Reply[]): Fields => {
  const [vouched, vouchedAt, claimed, createdAt] = reply.map((field) => (field === null ? '' : String(field)))
  return [vouched ?? '', vouchedAt ?? '', claimed ?? '', createdAt ?? '']
}

const profileOf = (json: string) => (json === '' ? {} : (JSON.parse(json) as UserRecord['vouched']))

const userOf = (
  { appId, userId }: UserRef,
  [vouched, vouchedAt, claimed, createdAt]: Fields,
): UserRecord | null =>
  createdAt === ''
    ? null
    : {
        appId,
        userId,
        vouched: profileOf(vouched),
        vouchedAt: vouchedAt === '' ? null : Number(vouchedAt),
        claimed: profileOf(claimed),
        createdAt: Number(createdAt),
      }

/** Returns a profile as it is stored. An empty profile takes no space. */
const textOf = (profile: UserRecord['vouched']): string => {
  const json = JSON.stringify(profile)
  return json === '{}' ? '' : json
}

/** The users of apps. */
export class Users {
  readonly #runner: StepRunner
  readonly #quotas: Quotas
  /** Runs the saves of a user by this node one after the other, so that they do not conflict. */
  readonly #mutex = new KeyedMutex()

  constructor(runner: StepRunner, quotas: Quotas) {
    this.#runner = runner
    this.#quotas = quotas
  }

  async get(of: UserRef): Promise<UserRecord | null> {
    return userOf(of, await this.#read(of))
  }

  /**
   * Saves a user, who is a guest if `maxGuests` is not null. Resolves with null, and saves nothing, if the app has `maxGuests` guests
   * already.
   */
  save(
    { appId, userId }: UserRef,
    change: UserChange,
    maxGuests: number | null,
    onChanged: (user: UserRecord) => void,
  ): Promise<SavedUser | null> {
    const of = { appId, userId }
    const copy = copyChange(change)
    return this.#mutex.run(`${appId}\0${userId}`, async () => {
      const fields = await this.#read(of)
      const stored = userOf(of, fields)
      if (stored && maxGuests === null && changesNothing(stored, change))
        return { user: stored, created: false, changed: false }
      const saved =
        maxGuests === null || stored
          ? await this.#write(of, copy, maxGuests, fields, MAX_TRIES)
          : await this.#quotas.inTurn(appId, () => this.#createGuest(of, copy, maxGuests, fields))
      if (saved?.changed && !saved.created) onChanged(saved.user)
      return saved
    })
  }

  /** Deletes the user and the inbox. */
  async delete(of: UserRef): Promise<boolean> {
    const [existed] = await this.#runner.onUser(this.#runner.steps.deleteUser, of, [])
    return existed === 1
  }

  /** The app's users after a user, partition by partition. */
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
        ...{ step: steps.listUsers, appId, from, start: '', limit: missing },
        parse: (ids, partition) => (ids as string[]).map((after) => ({ partition, after })),
      })
      const users = await Promise.all(listed.map(({ after }) => this.get({ appId, userId: after })))
      // A listed user may have been deleted since. The next read fills the page, because a page that is not full counts as the last one.
      found.push(...users.filter((user) => user !== null))
      from = listed.length < missing ? undefined : listed.at(-1)
    }
    return found
  }

  async #read(of: UserRef): Promise<Fields> {
    return fieldsOf(await this.#runner.onUser(this.#runner.steps.readUser, of, []))
  }

  /** Does what `#write` does, for a new guest. */
  async #createGuest(
    of: UserRef,
    change: UserChange,
    maxGuests: number,
    fields: Fields,
  ): Promise<SavedUser | null> {
    const partition = this.#runner.partitions.of(of)
    for (const isAtLimit of [false, true]) {
      const { guests } = await this.#quotas.others(of.appId, partition, isAtLimit)
      const saved = await this.#write(of, change, maxGuests - guests, fields, MAX_TRIES)
      if (saved) return saved
    }
    return null
  }

  async #write(
    of: UserRef,
    change: UserChange,
    maxGuests: number | null,
    fields: Fields,
    triesLeft: number,
  ): Promise<SavedUser | null> {
    const stored = userOf(of, fields)
    const user = userAfter(of, stored, change, 0)
    const created = stored === null
    const changed = hasChanged(user, stored)
    if (!changed && user.vouchedAt === stored?.vouchedAt && maxGuests === null)
      return { user, created: false, changed: false }
    const sender = senderOf(user)
    const [outcome, ...result] = await this.#runner.onUser(this.#runner.steps.saveUser, of, [
      ...fields,
      ...[textOf(user.vouched), user.vouchedAt === null ? '' : String(user.vouchedAt), textOf(user.claimed)],
      ...[sender === null ? '' : JSON.stringify(sender), String(maxGuests ?? '')],
      ...(changed ? [JSON.stringify(user), eventDataOf(user)] : ['', '']),
    ])
    if (outcome === 'full') return null
    if (outcome === 'saved') return { user: { ...user, createdAt: Number(result[0]) }, created, changed }
    if (triesLeft === 0)
      throw new EngineError('unavailable', 'Other nodes keep changing this user: try again later.')
    return this.#write(of, change, maxGuests, fieldsOf(result), triesLeft - 1)
  }
}

/** What a webhook event says about a user, as JSON without braces. */
const eventDataOf = (user: UserRecord): string =>
  JSON.stringify({ user: { ...mergeProfile(user), id: user.userId }, guest: isGuestId(user.userId) }).slice(
    1,
    -1,
  )
