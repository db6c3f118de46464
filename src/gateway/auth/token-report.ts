import { isGuestId, USER_ID_RULE } from '../../protocol/index.js'
import { profileProblem, type Finding, type TokenCheck } from '../../protocol/internal.js'
import type { KeySet } from '../../tokens/index.js'
import {
  createMacCheck,
  isInMilliseconds,
  isTimestamp,
  LEEWAY,
  parseToken,
  publicKeyAlgorithms,
  readUserId,
  verifyWithKeySet,
  type ParsedToken,
} from '../../tokens/internal.js'
import type { TokenRules } from '../config/token-rules.js'

interface Options {
  apps: ReadonlyMap<string, TokenRules>
  /** Returns the gateway's key set of the app. */
  keySetOf(app: TokenRules): KeySet | undefined
  /** Unix time in milliseconds. */
  now: number
}

type CreateFinding = (level: Finding['level'], text: string) => Finding
const findingFor =
  (part: Finding['part']): CreateFinding =>
  (level, text) => ({ level, part, text })

const formatDuration = (milliseconds: number): string => {
  const seconds = Math.round(Math.abs(milliseconds) / 1_000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`
}

/** Returns a time in the form `2026-01-31T12:00:00Z, 5 min ago`. */
const formatTime = (time: number, now: number): string => {
  const distance = time > now ? `in ${formatDuration(time - now)}` : `${formatDuration(now - time)} ago`
  return `${new Date(time).toISOString().replace(/\.000Z$/, 'Z')}, ${distance}`
}

const TYPES = { user: 'is "user"', app: 'is "app": for the REST API, not for a session' }

const NO_IAT =
  'is missing: the profile in the token replaces none, and a log-out of the user ends the token for good, whenever it was made'

const NO_DATE = 'is not a number of seconds since 1970'
const IN_MILLISECONDS = 'is in milliseconds: give seconds (divide by 1000)'

/** Returns the time in a date claim; null if the claim is absent, and a finding if it is no date. */
const readDate = (value: unknown, create: CreateFinding): number | null | Finding => {
  if (value === undefined) return null
  if (typeof value === 'number' && isInMilliseconds(value)) return create('fail', IN_MILLISECONDS)
  return typeof value === 'number' && isTimestamp(value * 1_000) ? value * 1_000 : create('fail', NO_DATE)
}

/** Checks a date claim that must not lie in the future. */
const checkBegun = (part: 'iat' | 'nbf', value: unknown, now: number, absent: string): Finding[] => {
  const create = findingFor(part)
  const time = readDate(value, create)
  if (time === null) return absent ? [create('warn', absent)] : []
  if (typeof time !== 'number') return [time]
  return [
    time <= now + LEEWAY
      ? create('ok', formatTime(time, now))
      : create(
          'fail',
          `is more than ${LEEWAY / 1_000} s ahead (${formatTime(time, now)}): set the clock of the token's issuer`,
        ),
  ]
}

const checkExpiry = (value: unknown, requireExpiry: boolean, now: number): Finding => {
  const create = findingFor('exp')
  const time = readDate(value, create)
  if (time === null)
    return requireExpiry
      ? create('fail', "is missing, and the app's requireExpiry asks for it")
      : create('warn', 'is missing: the token is good for ever')
  if (typeof time !== 'number') return time
  return now < time
    ? create('ok', formatTime(time, now))
    : create('fail', `the token has expired (${formatTime(time, now)}): ask for a fresh one`)
}

const checkSubject = (userId: string | undefined, create: CreateFinding): Finding => {
  if (userId === undefined) return create('fail', `must be ${USER_ID_RULE}`)
  if (isGuestId(userId))
    return create('fail', "begins with 'guest:', and only the gateway vouches for guests")
  return create('ok', JSON.stringify(userId))
}

const checkUserClaims = (token: ParsedToken): Finding[] => {
  const { sub, user } = token.claims
  const userId = readUserId(sub)
  const profile = findingFor('user')
  const problem = profileProblem(user)
  return [
    checkSubject(userId, findingFor('sub')),
    ...(user === undefined
      ? []
      : [
          problem === undefined
            ? profile('ok', 'is a profile')
            : profile('fail', `is no profile: ${problem}`),
        ]),
  ]
}

const isSignedWith = async (token: ParsedToken, secret: string | Uint8Array): Promise<boolean> =>
  createMacCheck([secret])(Buffer.from(token.signed), token.signature)

/** Returns why no secret of the app verifies the token. Looks for the common mistakes. */
const explainWrongSecret = async (
  token: ParsedToken,
  app: TokenRules,
  apps: Iterable<TokenRules>,
): Promise<string> => {
  for (const secret of app.secrets)
    for (const lineBreak of ['\n', '\r\n'])
      if (await isSignedWith(token, Buffer.from(secret + lineBreak)))
        return 'is made with a secret and a line break at its end: take the line break off before you sign'
  for (const secret of app.secrets)
    if (await isSignedWith(token, Buffer.from(secret, 'base64')))
      return 'is made with the bytes that a secret encodes as base64: sign with the text itself'
  for (const secret of app.signatureSecrets)
    if (await isSignedWith(token, secret))
      return "is made with one of the app's signatureSecrets: use one of secrets"
  for (const other of apps)
    for (const secret of other.secrets)
      if (await isSignedWith(token, secret)) return `is made with a secret of the app ${other.appId}`
  return "is made with none of the app's secrets"
}

const checkSignature = async (
  token: ParsedToken,
  app: TokenRules,
  { apps, keySetOf }: Options,
): Promise<Finding[]> => {
  const algorithm = findingFor('alg')
  const signature = findingFor('signature')
  const { alg } = token.header
  const isApp = token.claims['tokenType'] === 'app'
  // A token of type `app` must be signed with one of the app's secrets. The app's key set is for user tokens only.
  const keySet = isApp ? undefined : keySetOf(app)
  const accepted: readonly string[] = [
    ...(app.secrets.length > 0 ? ['HS256'] : []),
    ...(keySet ? publicKeyAlgorithms(keySet) : []),
  ]
  if (!accepted.includes(alg))
    return [
      algorithm(
        'fail',
        accepted.length > 0
          ? `is none that the app accepts: ${accepted.join(', ')}`
          : 'the app verifies no token: give it secrets or jwks',
      ),
    ]
  if (alg === 'HS256') {
    for (const [index, secret] of app.secrets.entries())
      if (await isSignedWith(token, secret))
        return [algorithm('ok', alg), signature('ok', `is made with apps.${app.appId}.secrets[${index}]`)]
    return [algorithm('ok', alg), signature('fail', await explainWrongSecret(token, app, apps.values()))]
  }
  const result = keySet && (await verifyWithKeySet(token, keySet))
  return [
    algorithm('ok', alg),
    result === 'good'
      ? signature('ok', "is made with a key of the app's key set")
      : signature(
          'fail',
          typeof result === 'object'
            ? "can't be checked: the app's key set can't be fetched now"
            : "is made with no key of the app's key set",
        ),
  ]
}

/** Verifies a token part by part. Unlike a verifier it goes on after a mistake, so that the report has all mistakes. */
export const reportToken = async (text: string, options: Options): Promise<TokenCheck> => {
  const { apps, now } = options
  const parsed = parseToken(text)
  if (!parsed.ok) return { appId: null, userId: null, findings: [findingFor('form')('fail', parsed.why)] }
  const { token } = parsed
  const { iss, sub, tokenType, iat, nbf, exp } = token.claims
  const findings: Finding[] = [findingFor('form')('ok', 'is a JSON Web Token')]
  const type = findingFor('tokenType')
  if (tokenType === 'user' || tokenType === 'app') findings.push(type('ok', TYPES[tokenType]))
  else
    findings.push(
      type(
        'fail',
        tokenType === 'gateway'
          ? 'is "gateway": only a gateway can verify it, since the key is in the engine'
          : 'is neither "user" nor "app"',
      ),
    )
  const app = typeof iss === 'string' ? apps.get(iss) : undefined
  findings.push(
    app
      ? findingFor('iss')('ok', `is the app ${app.appId} (${app.environment})`)
      : findingFor('iss')('fail', `is the id of no app; the apps are ${[...apps.keys()].join(', ')}`),
    ...(app && tokenType !== 'gateway' ? await checkSignature(token, app, options) : []),
    // A token of type `app` must have an expiry.
    checkExpiry(exp, tokenType === 'app' || (app?.requireExpiry ?? true), now),
    ...checkBegun('nbf', nbf, now, ''),
    ...checkBegun('iat', iat, now, tokenType === 'app' ? '' : NO_IAT),
    ...(tokenType === 'app' ? [] : checkUserClaims(token)),
  )
  return {
    appId: app?.appId ?? null,
    // The gateway does not read the `sub` of a token of type `app`.
    userId: tokenType === 'app' ? null : (readUserId(sub) ?? null),
    findings,
  }
}
