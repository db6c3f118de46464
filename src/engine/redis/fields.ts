import type { engineRules } from '../rules.js'

/** The names of a session's fields in its row, which is JSON. `sessions.lua` says what each field means. */
const session = {
  number: 'n',
  startedAt: 's',
  lastSeenAt: 'l',
  connectionId: 'c',
  nodeId: 'i',
  keyHash: 'k',
  previousKeyHash: 'p',
  hiddenSince: 'h',
  detached: 'd',
  resumableFor: 'hf',
  expiresAt: 'x',
  offlineAt: 'o',
  offline: 'f',
  guest: 'g',
  rtt: 'r',
  authMethod: 'w',
  token: 't',
  issuedAt: 'ia',
  credential: 'cr',
  facts: 'fa',
} as const satisfies Record<(typeof engineRules.makesRoom)[number] | (string & {}), string>

/** What precedes a sender's id in the names of the fields that count the sender's unread messages. */
const unread = {
  messages: 'n',
  bytes: 'b',
} as const satisfies Record<(typeof engineRules.sharedLimits)[number], string>

/**
 * The names of fields in Redis, by the names that TypeScript and Lua use. Those in Redis are short, because a Redis may have millions of
 * users and sessions. A script reads `fields.session` as `SESSION`, and so on.
 */
export const fields = { session, unread }
