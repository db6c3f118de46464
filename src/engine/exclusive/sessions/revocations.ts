import { randomUUID } from 'node:crypto'
import type { Credential, UserRef } from '../../engine.js'
import type { Clock } from '../../../util/clock.js'
import { isIssuedUpTo, later, tokenKeptFor } from '../../decide/revocations/revoked.js'
import type { GroupCommit } from '../store/group-commit.js'
import { rows } from '../store/rows.js'
import { del, put, read, readAll, type Operation, type Store } from '../store/store.js'

/** The data of a user that remain when the user is deleted. */
export interface UserRow {
  /** Credentials that were issued up to this time are revoked; null if the user has no revocation. */
  revokedBefore: number | null
  /** How many inboxes of the user were deleted. */
  deletions: number
}

/** The time until which the revocation of a token is kept. Null means for ever, because JSON has no `Infinity`. */
export type RevokedToken = [until: number | null]

/** An app's `revokedBefore`, and which other kinds of rows the app has. If it has none of a kind, look-ups need not read the store. */
interface AppRows {
  revokedBefore: number | null
  hasUsers: boolean
  hasTokens: boolean
}

const NO_ROW: UserRow = { revokedBefore: null, deletions: 0 }

/**
 * The revocations of users, apps and tokens, and how many inboxes of each user were deleted. A revocation is synced before a session is
 * refused because of it.
 */
export class Revocations {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #clock: Clock
  readonly #apps = new Map<string, AppRows>()

  constructor(store: Store, commit: GroupCommit, clock: Clock) {
    this.#store = store
    this.#commit = commit
    this.#clock = clock
  }

  /** Reads which rows apps have. Must be called before every other method. */
  async load(): Promise<void> {
    for (const [row, revokedBefore] of await readAll<number>(this.#store, rows.allAppRevocations)) {
      const { kind, appId } = rows.appRevocationOf(row)
      this.#set(appId, kind === 'app' ? { revokedBefore } : { [kind]: true })
    }
  }

  isRevoked(of: UserRef, { issuedAt, tokenId }: Credential): boolean {
    const app = this.#apps.get(of.appId)
    if (!app) return false
    if (isIssuedUpTo(issuedAt, this.revokedBefore(of))) return true
    if (!app.hasTokens || tokenId === null) return false
    return read(this.#store, rows.revokedToken(of.appId, tokenId)) !== undefined
  }

  /** Credentials of the user that were issued up to the returned time are revoked. Null if there is no revocation. */
  revokedBefore(of: UserRef): number | null {
    const app = this.#apps.get(of.appId)
    if (!app) return null
    const user = app.hasUsers ? (read(this.#store, rows.revokedUser(of)) as UserRow | undefined) : undefined
    return later(app.revokedBefore, user?.revokedBefore ?? null)
  }

  mayHaveDeletions(appId: string): boolean {
    return this.#apps.get(appId)?.hasUsers ?? false
  }

  /** Returns how many inboxes of the user were deleted. */
  deletions(of: UserRef): number {
    return this.#rowOf(of).deletions
  }

  /** Revokes credentials that were issued up to `before`. Resolves with the user's `revokedBefore`, which may be later. */
  async revokeUser({ appId, userId }: UserRef, before: number): Promise<number> {
    const of = { appId, userId }
    const row = this.#rowOf(of)
    await this.#commit.sync(
      this.#userOperations(of, { ...row, revokedBefore: later(before, row.revokedBefore) }),
    )
    return later(before, this.revokedBefore(of)) ?? before
  }

  /**
   * Revokes credentials of the app's users that were issued up to `before`. Resolves with the app's `revokedBefore`, which may be later.
   */
  async revokeApp(appId: string, before: number): Promise<number> {
    const row = rows.appRevocation('app', appId)
    const earlier = this.#commit.newest(row) as number | undefined
    const revokedBefore = Math.max(before, earlier ?? before)
    await this.#commit.sync([put(row, revokedBefore)])
    this.#set(appId, { revokedBefore })
    return revokedBefore
  }

  /**
   * `expiresAt` is when the token expires (Unix, milliseconds); null if it never does, undefined if that is unknown. In a second revocation
   * of the token it is unknown, because the token's sessions have ended. The second revocation does not shorten the first.
   */
  async revokeToken(appId: string, tokenId: string, expiresAt: number | null | undefined): Promise<void> {
    const row = rows.revokedToken(appId, tokenId)
    const atLeast = this.#clock.now() + tokenKeptFor(expiresAt, Date.now())
    this.#set(appId, { hasTokens: true })
    const earlier = this.#commit.newest(row) as RevokedToken | undefined
    const until = earlier ? Math.max(atLeast, earlier[0] ?? Infinity) : atLeast
    const operations = [put(rows.appRevocation('hasTokens', appId), 1), put(row, [until])]
    // With this row the sweep of expired rows finds the revocation.
    if (until < Infinity) operations.push(put(rows.expiry(until, randomUUID()), [row]))
    await this.#commit.sync(operations)
  }

  /** Removes the user's revocation, and calls `onLift` just before. Resolves with false if there is none. */
  async lift({ appId, userId }: UserRef, onLift: () => void): Promise<boolean> {
    const of = { appId, userId }
    // `onLift` looks for what is revoked, so a revocation that is being written has to count by then.
    if (this.#commit.isPending(rows.revokedUser(of))) await this.#commit.sync([])
    const row = this.#rowOf(of)
    if (row.revokedBefore === null) return false
    onLift()
    await this.#commit.sync(
      row.deletions > 0
        ? this.#userOperations(of, { ...row, revokedBefore: null })
        : [del(rows.revokedUser(of))],
    )
    return true
  }

  /** Counts a deletion of the user's inbox. Returns the operations that store this. */
  countDeletion(of: UserRef): Operation[] {
    const row = this.#rowOf(of)
    return this.#userOperations(of, { ...row, deletions: row.deletions + 1 })
  }

  /** Returns the user's row, even if it is not written yet. */
  #rowOf(of: UserRef): UserRow {
    if (!this.#apps.get(of.appId)?.hasUsers) return NO_ROW
    return (this.#commit.newest(rows.revokedUser(of)) as UserRow | undefined) ?? NO_ROW
  }

  #userOperations(of: UserRef, row: UserRow): Operation[] {
    // This is set before the write. If the write fails, look-ups read the store and find no row, which does no harm.
    this.#set(of.appId, { hasUsers: true })
    return [put(rows.appRevocation('hasUsers', of.appId), 1), put(rows.revokedUser(of), row)]
  }

  #set(appId: string, change: Partial<AppRows>): void {
    const known = this.#apps.get(appId) ?? { revokedBefore: null, hasUsers: false, hasTokens: false }
    this.#apps.set(appId, { ...known, ...change })
  }
}
