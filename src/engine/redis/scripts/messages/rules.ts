import type { Retention } from '../../../inbox-records.js'

/** The rules of an app's messages. */
export interface Rules {
  /** Milliseconds for which a message's id makes a retry safe, as text. */
  readonly window: string
  /** Whether a recipient who does not exist is created. */
  readonly createsRecipient: boolean
  readonly retention: Retention
  /** The share of the retention that one sender's unread messages may take. */
  readonly share: number
  /** Milliseconds from a message until there may be something to push to the recipient's devices; undefined for never. */
  readonly pushAfter: number | undefined
  /** Whether the message is only looked up. */
  readonly onlyFinds: boolean
}

/**
 * The rules by their texts. To parse a text takes longer than everything else that a script does with the rules, which hardly ever change.
 */
let known: Partial<Record<string, Rules>> = {}
let knownCount = 0
const MAX_KNOWN = 1000

/**
 * Returns the rules that a text has, separated by spaces: those of `Rules` in their order, with the retention as messages, bytes and
 * milliseconds; `1` for true; and `-` for no `pushAfter`.
 */
export const rulesOf = (words: string): Rules => {
  const rules = known[words]
  if (rules !== undefined) return rules
  const [window = '', creates, messages, bytes, age, share, push, finds] = string.match(
    words,
    '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$',
  )
  const made: Rules = {
    window,
    createsRecipient: creates === '1',
    retention: { messages: tonumber(messages) ?? 0, bytes: tonumber(bytes) ?? 0, age: tonumber(age) ?? 0 },
    share: tonumber(share) ?? 0,
    pushAfter: tonumber(push),
    onlyFinds: finds === '1',
  }
  if (knownCount === MAX_KNOWN) {
    known = {}
    knownCount = 0
  }
  known[words] = made
  knownCount++
  return made
}
