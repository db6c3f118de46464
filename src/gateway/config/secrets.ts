import * as v from 'valibot'
import { formatPath, isObject, object, pathItem, text, type Env, type Path } from './fields.js'
import type { Environment, SecretConfig } from './types.js'

/** A key shorter than the hash weakens HMAC-SHA256 (RFC 7518, 3.2). */
const PRODUCTION_MINIMUM = 32

/** The name may be a secret in the wrong place, so it is repeated only if it looks like the name of a variable. */
const describeVariable = (name: string): string =>
  /^[A-Z_][A-Z0-9_]{0,63}$/.test(name)
    ? `the environment variable ${name}`
    : 'the environment variable named here'

const readVariable = (env: Env, name: string): string | undefined =>
  Object.hasOwn(env, name) ? env[name] : undefined

const reference = (env: Env) =>
  v.pipe(
    object({ env: text('the name of an environment variable') }),
    v.rawTransform<{ env: string }, string>(({ dataset, addIssue, NEVER }) => {
      const secret = readVariable(env, dataset.value.env)
      if (secret) return secret
      addIssue({
        message: `${describeVariable(dataset.value.env)} is not set, or empty`,
        path: [pathItem('env')],
      })
      return NEVER
    }),
  )

/** A list of secrets, each resolved: the text itself, or the value of the environment variable that it names. */
export const secretList = (env: Env, environment: Environment) => {
  const minimum = environment === 'production' ? PRODUCTION_MINIMUM : 0
  const inline = v.string('must be a string, or { "env": "NAME" } for an environment variable that holds it')
  const variable = reference(env)
  const secret = v.pipe(
    v.lazy((value): v.GenericSchema<SecretConfig, string> => (isObject(value) ? variable : inline)),
    v.nonEmpty('is empty; `openssl rand -base64 32` makes a good secret'),
    v.check(
      (value) => Buffer.byteLength(value) >= minimum,
      `is too short: a production app's secrets have ${minimum} bytes or more; \`openssl rand -base64 32\` makes one`,
    ),
  )
  return v.optional(v.array(secret, 'must be a list of secrets'), [])
}

/** The path of each secret in the apps of an unchecked config. */
function* secretsIn(apps: unknown, env: Env): Generator<[path: Path, secret: string]> {
  for (const [appId, app] of Object.entries(isObject(apps) ? apps : {}))
    for (const use of ['secrets', 'signatureSecrets']) {
      const list: unknown = isObject(app) ? app[use] : undefined
      for (const [index, entry] of Array.isArray(list) ? list.entries() : []) {
        const name: unknown = isObject(entry) ? entry['env'] : undefined
        const secret: unknown = typeof name === 'string' ? readVariable(env, name) : entry
        if (typeof secret === 'string' && secret !== '') yield [['apps', appId, use, index], secret]
      }
    }
}

/**
 * Returns a problem for each secret that stands twice. If a signature were keyed with a token's secret, a user who
 * chose the first two parts of a token as user id would get its third part.
 */
export const duplicateSecrets = (apps: unknown, env: Env): string[] => {
  const seen = new Map<string, string>()
  const problems: string[] = []
  for (const [path, secret] of secretsIn(apps, env)) {
    const first = seen.get(secret)
    if (first === undefined) seen.set(secret, formatPath(path))
    else
      problems.push(
        `${formatPath(path)}: is the same secret as ${first}; every app and every use needs its own`,
      )
  }
  return problems
}
