import * as v from 'valibot'
import { integer, object, orNull, text } from './fields.js'
import { secretSchema } from './secrets.js'
import type { Env } from './values.js'

export const hostName = text('a host name or an IP address', /^[^\s/]+$/)
export const port = integer(0, 65_535)

/** Matches a text that a header carries unchanged. Clients differ in how they encode `ä`. */
const SENDABLE = /^[ -~]*$/

/** Returns the schema of `admin`, the listener for operators. Its tokens have the minimum length of a production app's secrets. */
export const adminSchema = (env: Env) => {
  const token = v.pipe(
    secretSchema(env, 'production', 'an admin token has'),
    v.regex(SENDABLE, 'cannot be sent in a header: use ASCII, without a line break'),
  )
  return object({
    /** The name or IP address to listen on: a loopback or a private address, never a public one. */
    host: v.optional(hostName, '127.0.0.1'),
    /** 0 takes a free port. */
    port: v.optional(port, 9090),
    /** The bearer token that may do everything, of at least 32 bytes of ASCII. */
    token,
    /** A bearer token that may read, and change nothing. */
    readToken: orNull(token),
  })
}
