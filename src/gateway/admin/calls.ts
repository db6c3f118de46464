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

/** A call that reads. Both admin tokens may make it. */
interface ReadCall {
  readonly method: 'get'
  /** Below `/api`, as Hono writes paths: `/apps/:appId/users/:userId`. */
  readonly path: string
  readonly handle: Handle
}

/** A call that changes something. Only the admin token may make it, and the audit log has a line for it. */
export interface ChangeCall {
  readonly method: 'post' | 'put' | 'delete'
  /** The audit log has the path's parameters as the call's `whom`. */
  readonly path: string
  /** The call's name in the audit log, such as `session.end`. */
  readonly what: string
  readonly handle: Handle
}

/** A call of the console's JSON API. */
export type AdminCall = ReadCall | ChangeCall

/** Returns the address of the request's peer. */
export const addressOf = ({ env }: AdminContext): string => env.incoming.socket.remoteAddress ?? 'unknown'
