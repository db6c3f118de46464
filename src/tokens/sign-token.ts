import { base64url } from 'jose'
import type { Profile } from '../protocol/index.js'
import { createMac, utf8, type Hmac } from './hmac.js'
import { readUserId, requireAppId, requireVouchable } from './ids.js'
import { isMoment } from './timestamp.js'
import { TokenError } from './token-error.js'
import { readProfile } from './vouched-profile.js'

export type TokenToSign = {
  appId: string
  secret: string
  /** Seconds, or null for a token that doesn't lapse. */
  expiresIn: number | null
  /** Unix time in milliseconds. @default Date.now */
  now?: () => number
  /** HMAC-SHA256 of the host, used in place of Web Crypto's. */
  hmac?: Hmac | undefined
} & (
  | { tokenType: 'user' | 'gateway'; userId: string | number; user?: Profile | undefined }
  | { tokenType: 'app' }
)

const header = base64url.encode(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))

/** A gateway vouches for its guests, too; a backend must not be able to. */
const subjectOf = (order: TokenToSign): { sub?: string; user?: Profile } => {
  if (order.tokenType === 'app') return {}
  const sub = order.tokenType === 'gateway' ? readUserId(order.userId) : requireVouchable(order.userId)
  if (sub === undefined) throw new TokenError('bad-user-id')
  if (order.user === undefined) return { sub }
  const user = readProfile(order.user)
  if (!user) throw new TokenError('bad-user')
  return { sub, user }
}

const datesOf = ({ expiresIn, now = Date.now }: TokenToSign): { iat: number; exp?: number } => {
  const iat = Math.floor(now() / 1000)
  if (expiresIn === null) return { iat }
  const exp = Number.isFinite(expiresIn) ? iat + expiresIn : NaN
  // What no verifier would take is not made.
  if (!(expiresIn > 0 && isMoment(exp * 1000))) throw new TokenError('bad-expiry')
  return { iat, exp }
}

/** Signs a token of any type by HS256. Rejects with a `TokenError` rather than make one that no verifier takes. */
export const signToken = async (order: TokenToSign): Promise<string> => {
  const { sub, user } = subjectOf(order)
  const claims = { tokenType: order.tokenType, iss: requireAppId(order.appId), sub, ...datesOf(order), user }
  const signed = `${header}.${base64url.encode(JSON.stringify(claims))}`
  return `${signed}.${base64url.encode(await createMac(order.secret, utf8(signed), order.hmac))}`
}
