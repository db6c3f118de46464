import type { InboxState, UserRef } from '../engine.js'
import { sha256 } from '../../util/hash.js'
import type { InboxReply } from './calls/values.js'

const BASE_LENGTH = 16

/**
 * The epochs of inboxes. Scripts know an epoch by its number (`scripts/state/history.ts`). Clients get a text: a digest of a secret and the
 * user's ids, so that no user can guess the epoch of another, and the number.
 */
export class Epochs {
  /** The secret, which all nodes share. */
  key = ''

  /** Returns the text before the number in the epoch of a user's inbox. */
  baseOf({ appId, userId }: UserRef): string {
    return `${sha256(`${this.key}\0${appId}\0${userId}`).slice(0, BASE_LENGTH)}.`
  }

  textOf(of: UserRef, number: number): string {
    return this.baseOf(of) + String(number)
  }

  /** Returns the number in an epoch of the user's inbox; -1 if the text is no such epoch. */
  numberOf(of: UserRef, epoch: string): number {
    const base = this.baseOf(of)
    const number = epoch.slice(base.length)
    return epoch.startsWith(base) && /^\d+$/.test(number) ? Number(number) : -1
  }

  /** Returns the state of an inbox, made from the numbers with which the reply of a step begins. */
  inboxOf(
    of: UserRef,
    [epoch, offset, readOffset, unread]: readonly [...InboxReply, ...unknown[]],
  ): InboxState {
    return { epoch: this.textOf(of, epoch), offset, readOffset, unread }
  }
}
