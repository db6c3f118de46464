import { profile } from './profile.js'
import { count, list, nullable, number, object, optional, text } from './schema.js'
import { position } from './shapes.js'

/**
 * Checks of the fields that a developer sets in these frames. Few pages send such frames, so the checks are not in the script that every
 * page loads.
 */
export const callFrames = {
  read: { offset: count, with: optional(nullable(text)) },
  history: {
    after: optional(count),
    before: optional(count),
    limit: optional(count),
    with: optional(nullable(text)),
  },
  peers: { before: optional(position), limit: optional(count) },
  profile: { user: profile },
  signal: { to: text, name: text, data: optional(object), ttl: optional(number) },
  watch: { users: list(text) },
} as const
