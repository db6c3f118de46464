import type { Retention } from '../../inbox-records.js'
import { hasExpired } from '../messages/expired.js'

/** Which user has adopted a guest. */
export interface Adopter {
  readonly userId: string
  /** When the user was created. A later user with the same id has not adopted the guest. */
  readonly userCreatedAt: number
}

/** By what a client proves that it was the guest: when the guest was created. Null if the app's backend adopts. */
export type Proof = { readonly createdAt: number } | null

/** Returns whether a guest may be adopted who was created at `createdAt`; undefined if there is no such guest. */
export const mayAdopt = (createdAt: number | undefined, proof: Proof): boolean =>
  createdAt !== undefined && (proof === null || proof.createdAt === createdAt)

/** Returns whether the user is the one who has adopted the guest, so that a repeated call gets the answer of the first one. */
export const isAdoptedBy = (by: Adopter, createdAt: number, user: Adopter, proof: Proof): boolean =>
  by.userId === user.userId && by.userCreatedAt === user.userCreatedAt && mayAdopt(createdAt, proof)

interface Moving {
  /** When the message was stored. */
  readonly at: number
  /** The bytes of the message in the guest's inbox. */
  readonly size: number
}

interface Amount {
  readonly messages: number
  readonly bytes: number
}

/**
 * Returns those of a guest's oldest messages, in `found`, that move to the user: the newest for which the user's inbox has room, so that
 * none pushes out a message of the user. `kept` are the messages of the user's inbox, and `left` those of the guest's, from `found[0]` on.
 * By moving a message grows by `growth` bytes at most.
 */
export const fitting = <Message extends Moving>(
  found: readonly Message[],
  kept: Amount,
  left: Amount,
  growth: number,
  retention: Retention,
  now: number,
): readonly Message[] => {
  let { messages, bytes } = left
  const first = found.findIndex(({ at, size }) => {
    const fits =
      kept.messages + messages <= retention.messages &&
      kept.bytes + bytes + messages * growth <= retention.bytes &&
      !hasExpired(at, retention, now)
    messages--
    bytes -= size
    return fits
  })
  return first < 0 ? [] : found.slice(first)
}
