import type { Credential } from '../../engine/index.js'
import { GUEST_PREFIX, type JsonObject } from '../../protocol/index.js'
import { parseObject } from '../../protocol/internal.js'
import type { App } from '../apps/app.js'

/**
 * The first character after `guest:` in ids that the gateway generates. No start may ask for such an id, because it belongs to one guest.
 */
export const GENERATED = '~'

/** The claim in a guest's token with the time at which the guest was created. */
export const CREATED_AT = 'guestCreatedAt'

export const isGeneratedGuest = (userId: string): boolean => userId.startsWith(GUEST_PREFIX + GENERATED)

/** Returns a token's claims without verifying them. Returns `{}` for a malformed token. */
export const unverifiedClaims = (token: string): JsonObject =>
  parseObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) ?? {}

/** A guest, and the credential of the guest's token. */
interface ProvenGuest {
  guestId: string
  credential: Credential
  createdAt: number
}

/** Verifies the token that the gateway gave to a guest whose id it has generated. Resolves with null for any other token. */
export const verifyGuestToken = async (
  verifyOwnToken: App['verifyOwnToken'],
  token: string,
): Promise<ProvenGuest | null> => {
  const result = await verifyOwnToken(token)
  if (!result.ok) return null
  const { userId: guestId, tokenId, issuedAt, expiresAt } = result.claims
  const createdAt = unverifiedClaims(token)[CREATED_AT]
  if (!isGeneratedGuest(guestId) || typeof createdAt !== 'number') return null
  return { guestId, credential: { authMethod: 'guest', tokenId, issuedAt, expiresAt }, createdAt }
}
