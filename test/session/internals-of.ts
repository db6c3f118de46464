import type { ChatSession } from '../../src/session/index.js'
import { internals, type SessionInternals } from '../../src/session/internal.js'

/** Returns what the element uses of a session. The types of the built package do not have it. */
export const internalsOf = (session: ChatSession): SessionInternals =>
  (session as ChatSession & { [internals]: SessionInternals })[internals]
