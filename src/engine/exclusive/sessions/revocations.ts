import { randomUUID } from 'node:crypto'
import type { Credential, UserRef } from '../../engine.js'
import { isIssuedUpTo, later, tokenKeptFor } from '../../decide/revocations/revoked.js'
import type { Core } from '../store/core.js'
import { rows } from '../store/rows.js'
import { del, put, read, type Operation } from '../store/store.js'

/** The data of a user that remain when the user is deleted. */
export interface UserRow {
  /** Credentials that were issued up to this time are revoked; null if the user has no revocation. */
  revokedBefore: number | null
  /** How many inboxes of the user were deleted. */
  deletions: number
}

/** The time until which the revocation of a token is kept. Null means for ever, because JSON has no `Infinity`. */
export type RevokedToken = [until: number | null]

/** The kinds of rows that the store may have. They are stored together, in `rows.revocations`. */
export const revocationKinds = ['app', 'user', 'token'] as const
type Kind = (typeof revocationKinds)[number]

const NO_ROW: UserRow = { revokedBefore: null, deletions: 0 }

/**
 * The revocations of users, apps and tokens, and how many inboxes of each user were deleted. A revocation is synced before a session is
 * refused because of it.
 */
export class Revocations {
  readonly #core: Core
  /** The kinds of rows that the store may have. If it has none of a kind, a start need not look for a row of it. */
  readonly #kinds: Set<Kind>

  constructor(core: Core) {
    this.#core = core
    this.#kinds = new Set(read(core.store, rows.revocations) as Kind[] | undefined)
  }

  isRevoked(of: UserRef, { issuedAt, tokenId }: Credential): boolean {
    if (isIssuedUpTo(issuedAt, this.revokedBefore(of))) return true
    return tokenId !== null && this.#read('token', rows.revokedToken(of.appId, tokenId)) !== undefined
  }

  /** Credentials of the user that were issued up to the returned time are revoked. Null if there is no revocation. */
  revokedBefore(of: UserRef): number | null {
    const app = this.#read('app', rows.revokedApp(of.appId)) as number | undefined
    const user = this.#read('user', rows.revokedUser(of)) as UserRow | undefined
    return later(app ?? null, user?.revokedBefore ?? null)
  }

  /** Returns how many inboxes of the user were deleted. */
  deletions(of: UserRef): number {
    return this.#rowOf(of).deletions
  }

  /** Revokes credentials that were issued up to `before`. Resolves with the user's `revokedBefore`, which may be later. */
  async revokeUser({ appId, userId }: UserRef, before: number): Promise<number> {
    const of = { appId, userId }
    const row = this.#rowOf(of)
    const revokedBefore = later(before, row.revokedBefore)
    await this.#core.commit.sync(this.#putUser(of, { ...row, revokedBefore }))
    return later(before, this.revokedBefore(of)) ?? before
  }

  /**
   * Revokes credentials of the app's users that were issued up to `before`. Resolves with the app's `revokedBefore`, which may be later.
   */
  async revokeApp(appId: string, before: number): Promise<number> {
    const row = rows.revokedApp(appId)
    const earlier = this.#core.commit.newest(row) as number | undefined
    const revokedBefore = Math.max(before, earlier ?? before)
    await this.#core.commit.sync(this.#put('app', row, revokedBefore))
    return revokedBefore
  }

  /**
   * `expiresAt` is when the token expires (Unix, milliseconds); null if it never does, undefined if that is unknown. In a second revocation
   * of the token it is unknown, because the token's sessions have ended. The second revocation does not shorten the first.
   */
  async revokeToken(appId: string, tokenId: string, expiresAt: number | null | undefined): Promise<void> {
    const row = rows.revokedToken(appId, tokenId)
    const keptFor = tokenKeptFor(expiresAt === null ? Infinity : expiresAt, Date.now())
    const atLeast = this.#core.clock.now() + keptFor
    const earlier = this.#core.commit.newest(row) as RevokedToken | undefined
    const until = earlier ? Math.max(atLeast, earlier[0] ?? Infinity) : atLeast
    const operations = this.#put('token', row, [until])
    // With this row the sweep of expired rows finds the revocation.
    if (until < Infinity) operations.push(put(rows.expiry(until, randomUUID()), [row]))
    await this.#core.commit.sync(operations)
  }

  /** Removes the user's revocation, and calls `onLift` just before. Resolves with false if there is none. */
  async lift({ appId, userId }: UserRef, onLift: () => void): Promise<boolean> {
    const of = { appId, userId }
    // `onLift` looks for what is revoked, so a revocation that is being written has to count by then.
    if (this.#core.commit.isPending(rows.revokedUser(of))) await this.#core.commit.sync([])
    const row = this.#rowOf(of)
    if (row.revokedBefore === null) return false
    onLift()
    await this.#core.commit.sync(
      row.deletions > 0 ? this.#putUser(of, { ...row, revokedBefore: null }) : [del(rows.revokedUser(of))],
    )
    return true
  }

  /** Counts a deletion of the user's inbox. Returns the operations that store this. */
  countDeletion(of: UserRef): Operation[] {
    const row = this.#rowOf(of)
    return this.#putUser(of, { ...row, deletions: row.deletions + 1 })
  }

  /** Returns the user's row, even if it is not written yet. */
  #rowOf(of: UserRef): UserRow {
    if (!this.#kinds.has('user')) return NO_ROW
    return (this.#core.commit.newest(rows.revokedUser(of)) as UserRow | undefined) ?? NO_ROW
  }

  #putUser(of: UserRef, row: UserRow): Operation[] {
    return this.#put('user', rows.revokedUser(of), row)
  }

  #put(kind: Kind, row: string, value: unknown): Operation[] {
    this.#kinds.add(kind)
    return [put(rows.revocations, [...this.#kinds]), put(row, value)]
  }

  #read(kind: Kind, row: string): unknown {
    return this.#kinds.has(kind) ? read(this.#core.store, row) : undefined
  }
}
