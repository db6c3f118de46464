import type { SessionRecord } from '../../../engine/index.js'
import type { SessionSummary } from '../../../protocol/internal.js'

/** Returns the fields of a session that an operator sees. Each field is chosen, so that no other field is ever shown. */
export const sessionSummary = ({ credential, ...session }: SessionRecord): SessionSummary => {
  const { sessionId, userId, guest, state, hidden, origin, address, client, startedAt, lastSeenAt, rtt } =
    session
  const { authMethod, tokenId, issuedAt, expiresAt } = credential
  return {
    sessionId,
    userId,
    guest,
    state,
    hidden,
    way: authMethod,
    tokenId,
    issuedAt,
    expiresAt,
    origin,
    address,
    client,
    startedAt,
    lastSeenAt,
    rtt,
  }
}
