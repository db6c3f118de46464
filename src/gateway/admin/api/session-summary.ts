import type { SessionRecord } from '../../../engine/index.js'
import type { SessionSummary } from '../../../protocol/internal.js'

/** Returns the fields of a session that an operator sees. Each field is chosen, so that no other field is ever shown. */
export const sessionSummary = ({ credential, ...session }: SessionRecord): SessionSummary => {
  const { sessionId, userId, state, hidden, origin, address, client, startedAt, lastSeenAt, rtt } = session
  const { authMethod, tokenId, expiresAt } = credential
  return {
    sessionId,
    userId,
    state,
    hidden,
    way: authMethod,
    tokenId,
    expiresAt,
    origin,
    address,
    client,
    startedAt,
    lastSeenAt,
    rtt,
  }
}
