import { parseToken } from '../../tokens/internal.js'
import type { App } from '../apps/app.js'

/** The app that a REST call comes from, or why the call is not authenticated. */
type AuthenticatedApp =
  | { ok: true; app: App; /** The token's `jti`; null if it has none. */ tokenId: string | null }
  | { ok: false; why: string }

const refuse = (why: string): AuthenticatedApp => ({ ok: false, why })

const MISSING =
  "Send the header 'Authorization: Bearer TOKEN' with a token of tokenType 'app', made by createAppToken of chat-session/tokens or as docs/REST.md says."

/**
 * Authenticates the backend of an app by the token in an `Authorization` header. The token's `iss` names the app, and one of the app's
 * `secrets` must have signed it. The keys of the app's `jwks` are not accepted, because they often belong to a log-in service that others
 * use, too.
 */
export const authenticateApp = async (
  apps: ReadonlyMap<string, App>,
  authorization: string | undefined,
): Promise<AuthenticatedApp> => {
  const text = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
  if (text === undefined) return refuse(MISSING)
  const parsed = parseToken(text)
  if (!parsed.ok) return refuse(parsed.why)
  const { iss } = parsed.token.claims
  const app = typeof iss === 'string' ? apps.get(iss) : undefined
  if (!app) return refuse("No app of this gateway has the id in the token's 'iss'.")
  const result = await app.verifyAppToken(text)
  return result.ok ? { ok: true, app, tokenId: result.claims.tokenId } : refuse(result.why)
}
