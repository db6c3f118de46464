// An identity provider with a key set, and the logout tokens that it signs.
import { createHmac, generateKeyPairSync, randomUUID, sign as signBytes, type KeyObject } from 'node:crypto'
import { SignJWT, type JWTHeaderParameters } from 'jose'
import { startServer } from '../support/network/http-server.js'

export const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
export const CLIENT = 'shop'

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
/** A key that the key set does not have. */
export const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const rsaJwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' }
const ecJwk = { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec' }

/** While `areAway` is true, the provider does not answer with its keys. */
export const keySet = { areAway: false }

export const provider = await startServer((request, response) => {
  if (keySet.areAway || request.url !== '/jwks') return void response.writeHead(500).end()
  response.end(JSON.stringify({ keys: [rsaJwk, ecJwk] }))
})

export const now = (): number => Math.floor(Date.now() / 1000)

type Claims = Record<string, unknown>

/** The claims of a good logout token, with these changes. An undefined claim is left out. */
const claimsWith = (changes: Claims): Claims => ({
  iss: provider.url,
  aud: CLIENT,
  iat: now(),
  exp: now() + 120,
  jti: randomUUID(),
  events: { [EVENT]: {} },
  ...changes,
})

/** A logout token with these changes of its claims and its header. */
export const sign = (
  changes: Claims,
  header: Partial<Record<keyof JWTHeaderParameters, unknown>> = {},
  key: KeyObject = rsa.privateKey,
): Promise<string> =>
  new SignJWT(claimsWith(changes))
    .setProtectedHeader({ alg: 'RS256', kid: 'rsa', typ: 'logout+jwt', ...header })
    .sign(key)

type Signer = (text: string) => string
export const rs256: Signer = (text) =>
  signBytes('sha256', Buffer.from(text), rsa.privateKey).toString('base64url')
export const hs256 =
  (key: string): Signer =>
  (text) =>
    createHmac('sha256', key).update(text).digest('base64url')

/** A logout token with a header that jose does not sign. */
export const signByHand = (sub: string, header: object, signer: Signer): string => {
  const text = [{ kid: 'rsa', ...header }, claimsWith({ sub })]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${signer(text)}`
}
