import type { Message } from '../../protocol/index.js'

type Content = Omit<Message, 'offset'>

/**
 * Returns a guest's message as the adopting user receives it, and the JSON of this form. `sentAt` is the last field of the JSON, because
 * `redis/scripts/messages/unread-check.ts` reads it there.
 */
export const adoptedJson = (
  { id, from, to, sender, body, data, sentAt }: Content,
  guest: string,
  user: string,
): { content: Content; json: string } => {
  const of = <T extends string | null>(each: T): T | string => (each === guest ? user : each)
  const content: Content = {
    ...{ id, from: of(from), to: of(to), sender },
    ...(body !== undefined && { body }),
    ...(data !== undefined && { data }),
    ...{ adopted: true, sentAt },
  }
  return { content, json: JSON.stringify(content) }
}

const MARK = ',"adopted":true'.length
const lengthOf = (id: string): number => Buffer.byteLength(JSON.stringify(id))

/** Returns by how many bytes at most the JSON of a message grows when the user adopts the guest. */
export const adoptionGrowth = (guest: string, user: string): number =>
  MARK + 2 * Math.max(0, lengthOf(user) - lengthOf(guest))
