import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import {
  boolean,
  environment,
  formatPath,
  isObject,
  object,
  orNull,
  type Environment,
  type Path,
} from './fields.js'
import { jwks } from './jwks.js'
import type { AppSettings } from './parse.js'
import { secretSchema } from './secrets.js'
import type { Env } from './values.js'

/** The settings of an app that decide about its tokens. */
export type TokenRules = Pick<
  AppSettings,
  'appId' | 'environment' | 'secrets' | 'signatureSecrets' | 'jwks' | 'requireExpiry'
>

/** What is wrong with a key of the config: its path, and a sentence. */
interface Problem {
  what: string
  text: string
}

/** The rules, and which secrets can't be read, for example because their variable is not set. Or what is wrong with other keys. */
type ReadRules = { ok: true; rules: TokenRules; unread: Problem[] } | { ok: false; problems: Problem[] }

const problemOf = (at: Path, { message, path }: v.BaseIssue<unknown>): Problem => ({
  what: formatPath([...at, ...(path ?? []).map(({ key }) => key as string | number)]),
  text: message,
})

const fieldsFor = (kind: Environment) =>
  object({
    environment,
    jwks: orNull(jwks),
    requireExpiry: v.optional(boolean, kind === 'production'),
  })

/**
 * Reads the keys of an app that decide about its tokens, and no others. So a token can be checked where the variables of other keys and of
 * other secrets are not set.
 */
export const readTokenRules = (appId: string, app: unknown, env: Env): ReadRules => {
  const at = ['apps', appId]
  const given = isObject(app) ? app : {}
  const { environment, jwks, requireExpiry } = given
  const kind = environment === 'production' ? environment : 'test'
  const parsed = v.safeParse(fieldsFor(kind), { environment, jwks, requireExpiry }, { abortPipeEarly: true })
  if (!parsed.success) return { ok: false, problems: parsed.issues.map((issue) => problemOf(at, issue)) }
  const unread: Problem[] = []
  const readSecrets = (key: 'secrets' | 'signatureSecrets'): string[] =>
    (Array.isArray(given[key]) ? (given[key] as unknown[]) : []).map((entry, index) => {
      const secret = v.safeParse(secretSchema(env, kind), entry, { abortPipeEarly: true })
      if (secret.success) return secret.output
      unread.push(...secret.issues.map((issue) => problemOf([...at, key, index], issue)))
      // It signs nothing, and keeps the places of the secrets after it.
      return randomBytes(32).toString('base64')
    })
  const secrets = readSecrets('secrets')
  const signatureSecrets = readSecrets('signatureSecrets')
  return { ok: true, rules: { ...parsed.output, appId, secrets, signatureSecrets }, unread }
}
