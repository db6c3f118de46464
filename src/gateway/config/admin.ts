import * as v from 'valibot'
import { integer, object, orNull, text, type FieldsOf } from './fields.js'
import { secretSchema } from './secrets.js'
import type { AdminConfig, Env } from './types.js'

export const hostName = text('a host name or an IP address', /^[^\s/]+$/)
export const port = integer(0, 65_535)

/** Returns the schema of the operators' listener. Its tokens must be as long as the secrets of a production app. */
export const adminSchema = (env: Env) => {
  const token = secretSchema(env, 'production')
  return object({
    host: v.optional(hostName, '127.0.0.1'),
    port: v.optional(port, 9090),
    token,
    readToken: orNull(token),
  } satisfies FieldsOf<AdminConfig>)
}
