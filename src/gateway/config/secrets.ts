import { isObject, pathText, readFields, report, text, type Path, type Reading } from './fields.js'

/** Shorter keys than the hash is wide weaken HMAC-SHA256 (RFC 7518, 3.2). */
const productionMinimum = 32

/** What is named here might be a secret put in the wrong place: only what looks like a variable's name is repeated. */
const variable = (name: string): string =>
  /^[A-Z_][A-Z0-9_]{0,63}$/.test(name)
    ? `the environment variable ${name}`
    : 'the environment variable named here'

const secretFields = { env: text('the name of an environment variable') }

const resolve = (reading: Reading, path: Path, entry: unknown): string | undefined => {
  if (typeof entry === 'string') return entry
  if (!isObject(entry)) {
    report(reading, path, 'must be a string, or { "env": "NAME" } for an environment variable that holds it')
    return undefined
  }
  const { env: name } = readFields(reading, path, secretFields, entry)
  if (name === undefined) return undefined
  const secret = Object.hasOwn(reading.env, name) ? reading.env[name] : undefined
  if (!secret) report(reading, [...path, 'env'], `${variable(name)} is not set, or empty`)
  return secret === '' ? undefined : secret
}

/**
 * Reads a list of secrets. None may stand twice: were a signature keyed with a token's secret, whoever picks the first
 * two parts of a token as user id would be handed its third.
 */
export const readSecrets = (
  reading: Reading,
  path: Path,
  list: unknown,
  environment: string | undefined,
): string[] => {
  if (list === undefined) return []
  if (!Array.isArray(list)) {
    report(reading, path, 'must be a list of secrets')
    return []
  }
  const secrets: string[] = []
  for (const [index, entry] of list.entries()) {
    const at = [...path, index]
    const secret = resolve(reading, at, entry)
    if (secret === undefined) continue
    if (secret === '') {
      report(reading, at, 'is empty; `openssl rand -base64 32` makes a good secret')
      continue
    }
    if (environment === 'production' && Buffer.byteLength(secret) < productionMinimum)
      report(
        reading,
        at,
        `is too short: a production app's secrets have ${productionMinimum} bytes or more; \`openssl rand -base64 32\` makes one`,
      )
    const first = reading.secrets.get(secret)
    if (first === undefined) reading.secrets.set(secret, pathText(at))
    else report(reading, at, `is the same secret as ${first}; every app and every use needs its own`)
    secrets.push(secret)
  }
  return secrets
}
