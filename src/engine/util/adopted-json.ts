import type { Message } from '../../protocol/index.js'

type Content = Omit<Message, 'offset'>

/** Returns a guest's message in the form that the adopting user receives, and its JSON, in which `sentAt` comes last. */
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

/** Returns the most bytes by which the JSON of a message grows when a user adopts the guest. */
export const adoptionGrowth = (guest: string, user: string): number =>
  MARK + 2 * Math.max(0, lengthOf(user) - lengthOf(guest))
