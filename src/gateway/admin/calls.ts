import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'
import type { Role } from './login.js'

/** Hono's environment of a request of the admin listener. */
export interface AdminEnv {
  Bindings: { incoming: IncomingMessage }
  Variables: { role: Role }
}

export type AdminContext = Context<AdminEnv>

type Handle = (context: AdminContext) => Response | Promise<Response>

/** A call of the console's JSON API. */
export interface AdminCall {
  readonly method: 'get' | 'post' | 'delete'
  /** The path below `/api`, in Hono's form: `/apps/:appId/users/:userId`. In the audit log its parameters are the call's `whom`. */
  readonly path: string
  /** The call's name in the audit log, such as `session.end`; undefined for a call that only reads. */
  readonly what?: string
  readonly handle: Handle
}

/** Returns a call that only reads. Both admin tokens of the config, `token` and `readToken`, allow it. */
export const read = (path: string, handle: Handle): AdminCall => ({ method: 'get', path, handle })

/** Returns a call that only `token` allows. The audit log gets a line about it. Most such calls change something. */
export const change = (method: 'post' | 'delete', path: string, what: string, handle: Handle): AdminCall => ({
  method,
  path,
  what,
  handle,
})

/** Returns the address at the other end of the request's socket. */
export const addressOf = ({ env }: AdminContext): string => env.incoming.socket.remoteAddress ?? 'unknown'
