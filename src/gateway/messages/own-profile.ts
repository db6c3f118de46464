import type { UserRecord, VouchedProfile } from '../../engine/index.js'
import { carriedOf, senderOf } from '../../engine/internal.js'
import type { Message, Profile } from '../../protocol/index.js'

/** What a session's credential and its client say about the user. A field that is undefined says nothing. */
export interface Said {
  vouched?: VouchedProfile | undefined
  claimed?: Profile | undefined
}

/** Returns whether the backend has set the stored profile after a credential was issued. Most credentials have whole seconds. */
const isOverruled = ({ issuedAt }: VouchedProfile, { setAt }: UserRecord): boolean =>
  setAt !== undefined && (issuedAt ?? 0) < Math.floor(setAt / 1_000) * 1_000

/**
 * Returns the `sender` of a session's messages; undefined if they carry the stored profile of the user. A profile in the session's own
 * credential counts as a whole, until the backend itself sets another one. A claimed field counts where no vouched profile has it.
 */
export const senderOfSession = (
  { vouched, claimed }: Said,
  user: UserRecord,
): Message['sender'] | undefined => {
  const own = vouched && !isOverruled(vouched, user) ? vouched.profile : undefined
  if (!own && !claimed) return undefined
  return senderOf({ vouched: own ?? user.vouched, claimed: { ...user.claimed, ...claimed } })
}

/**
 * The profile that a session's messages carry. Several people may share one user, each with tokens of their own. The stored profile of this
 * user is that of the newest token, so the session remembers what its own token says.
 */
export class OwnProfile {
  /** See `senderOfSession`. */
  sender: Message['sender'] | undefined
  #said: Said = {}

  /** Called when the session says something about its user, and when the stored profile of the user has changed. */
  update({ vouched, claimed }: Said, user: UserRecord): void {
    this.#said = {
      vouched: vouched
        ? { profile: carriedOf(vouched.profile), issuedAt: vouched.issuedAt }
        : this.#said.vouched,
      claimed: claimed ? { ...this.#said.claimed, ...carriedOf(claimed) } : this.#said.claimed,
    }
    this.sender = senderOfSession(this.#said, user)
  }
}
