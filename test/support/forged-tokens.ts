import { createHmac } from 'node:crypto'
import { createHmacSha256 } from '../../src/util/hmac-sha256.js'
import type { TokenResult, TokenType } from '../../src/tokens/index.js'

export const appId = 'hF83jaq'
export const secret = 'sk_test_0123456789abcdef0123456789'
export const otherSecret = 'sk_test_fedcba9876543210fedcba9876'

/** The time that the clock shows in tests which need one. */
export const noon = Date.UTC(2025, 5, 3, 12)
export const at = (time: number) => () => time

/** Every HMAC that may check a token. All of them must behave in the same way. */
export const backends = [
  { name: 'Web Crypto', hmac: undefined },
  {
    name: 'node:crypto',
    hmac: (key: string | Uint8Array, data: Uint8Array): Uint8Array =>
      createHmac('sha256', key).update(data).digest(),
  },
  {
    name: "the gateway's",
    hmac: (key: string | Uint8Array, data: Uint8Array): Uint8Array => createHmacSha256(key)(data),
  },
] as const

export const base64url = (data: string | Uint8Array): string => Buffer.from(data).toString('base64url')

/** JSON text as it is, anything else as JSON. */
const json = (value: unknown): string | Uint8Array =>
  typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value)

/** Signs any header and payload, valid or not. */
export const forge = (
  claims: unknown,
  header: unknown = { alg: 'HS256', typ: 'JWT' },
  key: string | Uint8Array = secret,
) => {
  const signed = `${base64url(json(header))}.${base64url(json(claims))}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

/** The claims of a good token at noon. */
export const claims = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  tokenType: 'user',
  iss: appId,
  sub: '12345',
  iat: noon / 1000,
  exp: noon / 1000 + 3600,
  ...changes,
})

/** `ok`, or the code it was refused with. */
export const outcome = async (result: Promise<TokenResult<TokenType>>): Promise<string> => {
  const settled = await result
  return settled.ok ? 'ok' : settled.code
}

export const payloadOf = (token: string): unknown =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
