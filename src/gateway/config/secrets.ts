import { isUtf8 } from 'node:buffer'
import { readFileSync, statSync } from 'node:fs'
import * as v from 'valibot'
import { withoutLineBreak } from '../../tokens/internal.js'
import {
  formatPath,
  isObject,
  listOf,
  object,
  pathItem,
  text,
  type Environment,
  type Path,
} from './fields.js'
import type { Env, SecretConfig } from './values.js'

/** The fewest bytes of a secret in production. A secret shorter than a SHA-256 hash weakens HMAC-SHA256 (RFC 7518, 3.2). */
const PRODUCTION_MINIMUM = 32

/**
 * Returns how an error message names a variable. Somebody may have written a secret in place of the name. So the message repeats only a
 * text that looks like the name of a variable.
 */
const describeVariable = (name: string): string =>
  /^[A-Z_][A-Z0-9_]{0,63}$/.test(name)
    ? `the environment variable ${name}`
    : 'the environment variable named here'

const readVariable = (env: Env, name: string): string | undefined =>
  Object.hasOwn(env, name) ? env[name] : undefined

/** The most bytes of a file with a secret. */
const MAX_FILE = 65_536

/** Returns the text of a file. Throws an error that says why the file can't be read, without its name. */
const readSecretFile = (name: string): string => {
  let bytes: Buffer
  try {
    // Reading a pipe would block the process.
    if (!statSync(name).isFile()) throw new Error('it is no file')
    bytes = readFileSync(name)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new Error(`${code ?? message} (the working directory is ${process.cwd()})`, { cause })
  }
  if (bytes.length > MAX_FILE) throw new Error(`it has more than ${MAX_FILE} bytes`)
  if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
  return bytes.toString()
}

/** A secret, or why there is none. No problem has a part of the secret. */
type ReadSecret = { secret: string } | { problem: string }

/**
 * Checks the text of a secret. `what` names its place in a sentence. If `empty` is undefined, the secret may be the empty text, which the
 * schemas of its uses refuse.
 */
const checkSecret = (what: string, text: string, empty?: string): ReadSecret => {
  const secret = withoutLineBreak(text)
  if (secret === '' && empty !== undefined) return { problem: `${what} ${empty}` }
  if (!/^\s|\s$/.test(secret)) return { secret }
  return { problem: `${what} begins or ends with white space: take it off`.trim() }
}

/** Reads the secret of an entry of the config. Returns undefined for an entry of another form. */
const readSecret = (entry: unknown, env: Env): ReadSecret | undefined => {
  if (typeof entry === 'string') return checkSecret('', entry)
  const { env: name, file } = isObject(entry) ? entry : {}
  if (typeof name === 'string')
    return checkSecret(describeVariable(name), readVariable(env, name) ?? '', 'is not set, or empty')
  if (typeof file !== 'string') return undefined
  // Somebody may have written a secret in place of the file's name, so no sentence repeats the name.
  const what = 'the file named here'
  try {
    return checkSecret(what, readSecretFile(file), 'is empty')
  } catch (error) {
    return { problem: `${what} can't be read: ${(error as Error).message}` }
  }
}

const variable = object({ env: text('the name of an environment variable') })
const file = object({ file: text('the name of a file') })
const other = v.string(
  'must be a string, { "env": "NAME" } for an environment variable that holds it, or { "file": "PATH" } for a file',
)

/** Returns the schema of a secret. Its output is the secret, without a line break at its end. */
export const secretText = (env: Env) =>
  v.pipe(
    v.lazy((entry): v.GenericSchema<SecretConfig> => {
      const keys = isObject(entry) ? Object.keys(entry).join() : ''
      return keys === 'file' ? file : keys === 'env' ? variable : other
    }),
    v.rawTransform<SecretConfig, string>(({ dataset: { value }, addIssue, NEVER }) => {
      const read = readSecret(value, env) ?? { problem: 'is no secret' }
      if ('secret' in read) return read.secret
      const [key] = isObject(value) ? Object.keys(value) : []
      addIssue({ message: read.problem, ...(key !== undefined && { path: [pathItem(key)] }) })
      return NEVER
    }),
  )

/** Returns the schema of a secret with a minimum length in production. `owner` completes "is too short:". */
export const secretSchema = (
  env: Env,
  environment: Environment,
  owner = "a production app's secrets have",
) => {
  const minimum = environment === 'production' ? PRODUCTION_MINIMUM : 0
  return v.pipe(
    secretText(env),
    v.nonEmpty('is empty; `openssl rand -base64 32` makes a good secret'),
    v.check(
      (value) => Buffer.byteLength(value) >= minimum,
      `is too short: ${owner} ${minimum} bytes or more; \`openssl rand -base64 32\` makes one`,
    ),
  )
}

export const secretList = (env: Env, environment: Environment) =>
  v.optional(v.array(secretSchema(env, environment), 'must be a list of secrets'), [])

/** The fewest bytes that Standard Webhooks allows for a key. */
const WEBHOOK_MINIMUM = 24

const WEBHOOK_PREFIX = 'whsec_'
const makesOne = `\`echo ${WEBHOOK_PREFIX}$(openssl rand -base64 32)\` makes one`

/** Returns the key in a secret that is written as Standard Webhooks says; undefined for any other text. */
const webhookKey = (secret: string): Buffer | undefined => {
  const base64 = secret.startsWith(WEBHOOK_PREFIX) ? secret.slice(WEBHOOK_PREFIX.length) : ''
  const key = Buffer.from(base64, 'base64')
  // Node's decoder skips characters that are not base64. They are refused, because another receiver's decoder could make another key.
  const isExact = key.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '')
  return key.length > 0 && isExact ? key : undefined
}

/** Returns the schema of one or more webhook secrets. Its output is the bytes of their keys. */
export const webhookSecrets = (env: Env, environment: Environment) => {
  const minimum = environment === 'production' ? WEBHOOK_MINIMUM : 1
  const secret = v.pipe(
    secretText(env),
    v.rawTransform<string, Buffer>(({ dataset, addIssue, NEVER }) => {
      const key = webhookKey(dataset.value)
      if (key && key.length >= minimum) return key
      addIssue({
        message: key
          ? `is too short: a production app's webhook secrets have ${minimum} bytes or more; ${makesOne}`
          : `must be ${WEBHOOK_PREFIX} and base64, as Standard Webhooks writes it; ${makesOne}`,
      })
      return NEVER
    }),
  )
  return listOf(secret, 'must be a list of one or more secrets')
}

/** The paths of secrets in `admin` and in an app. At each path is one secret or a list of secrets. */
export const adminUses: readonly Path[] = [['token'], ['readToken']]
export const appUses: readonly Path[] = [
  ['secrets'],
  ['signatureSecrets'],
  ['authenticateUrl', 'secrets'],
  ['authorizeSendUrl', 'secrets'],
  ['webhooks', 'secrets'],
  ['push', 'privateKey'],
]

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce((at: unknown, key) => (isObject(at) ? at[key] : undefined), value)

/** Yields the path and the text of each secret of an unchecked config. */
function* secretsIn(config: unknown, env: Env): Generator<[path: Path, secret: string]> {
  const apps = valueAt(config, ['apps'])
  const lists = [
    ...adminUses.map((use) => ['admin', ...use]),
    ...Object.keys(isObject(apps) ? apps : {}).flatMap((id) => appUses.map((use) => ['apps', id, ...use])),
  ]
  for (const path of lists) {
    const value = valueAt(config, path)
    const entries: [Path, unknown][] = Array.isArray(value)
      ? // `map` would skip the holes of a list like `[, 'secret']`.
        Array.from(value, (entry: unknown, index) => [[...path, index], entry])
      : [[path, value]]
    for (const [place, entry] of entries) {
      const read = readSecret(entry, env)
      if (read && 'secret' in read) yield [place, read.secret]
    }
  }
}

/**
 * Returns a problem for each secret that the config has twice. If signatures and tokens had the same secret, a user could choose the first
 * two parts of a token as user id, and the id's signature would complete the token.
 */
export const duplicateSecrets = (config: unknown, env: Env): string[] => {
  const seen = new Map<string, string>()
  const problems: string[] = []
  for (const [path, secret] of secretsIn(config, env)) {
    // The same key can be written in three ways: as text, as base64 after `whsec_`, and as base64url.
    const scalar = path.at(-1) === 'privateKey' ? Buffer.from(secret, 'base64url') : []
    const keys = [Buffer.from(secret), webhookKey(secret) ?? [], scalar].map((key) =>
      Buffer.from(key).toString('hex'),
    )
    const first = keys.map((key) => seen.get(key)).find((where) => where !== undefined)
    if (first === undefined) for (const key of keys.filter(Boolean)) seen.set(key, formatPath(path))
    else
      problems.push(
        `${formatPath(path)}: is the same secret as ${first}; every app and every use needs its own`,
      )
  }
  return problems
}
