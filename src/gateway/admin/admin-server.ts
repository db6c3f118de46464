import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Settings } from '../config/parse.js'
import { KEEP_ALIVE, listenOn } from '../http/listen.js'
import { createRequestQueue } from '../http/request-queue.js'
import { MAX_STREAM } from './line-stream.js'
import { createLogin } from './login.js'
import { createAdminRoutes, type AdminRoutesContext } from './routes.js'
import { createSocketLimit } from './socket-limit.js'

/** The HTTP server for operators. */
export interface AdminServer {
  /**
   * Resolves with the address, `http://HOST:PORT`. A second call resolves with the same address. Rejects with a `GatewayError`
   * (`port-in-use`, `cannot-listen`). After a rejection `listen` can be called again.
   */
  listen(): Promise<string>
  /** Resolves when the server and all its sockets are closed. */
  close(): Promise<void>
}

/** Milliseconds within which a client must send the headers of a request, and milliseconds for the whole request. */
const HEADERS_TIMEOUT = 5_000
const REQUEST_TIMEOUT = 30_000
/** Milliseconds within which a client must read a response. No stream lasts this long. */
const RESPONSE_TIMEOUT = MAX_STREAM + 60_000
/** How many sockets may be open. `limits.connections` does not count them, so without this limit they could use all file handles. */
const MAX_SOCKETS = 100

type AdminSettings = NonNullable<Settings['admin']>

/** `current` is called whenever a token is checked, because a reload may change the tokens. */
export const createAdminServer = (
  current: () => AdminSettings,
  context: Omit<AdminRoutesContext, 'login' | 'trust'>,
): AdminServer => {
  const sockets = createSocketLimit(MAX_SOCKETS)
  const { fetch } = createAdminRoutes({ ...context, login: createLogin(current), trust: sockets.trust })
  const respond = getRequestListener(fetch, {
    hostname: 'localhost',
    overrideGlobalObjects: false,
    // The request queue reads the rest of a body.
    autoCleanupIncoming: false,
  })
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE,
      requestTimeout: REQUEST_TIMEOUT,
      // With Node's default a silent socket could stay open for another 30 seconds after its time is over.
      connectionsCheckingInterval: 1_000,
    },
    createRequestQueue((request, response) => void respond(request, response), RESPONSE_TIMEOUT),
  )
  // Zero means no limit. With a limit Node would leave out all further headers. Node bounds the bytes of headers anyway.
  server.maxHeadersCount = 0
  server.on('connection', sockets.accept)
  let listening: Promise<string> | undefined
  return {
    listen() {
      const { host, port } = current()
      listening ??= listenOn(server, { host, port, exclusive: true, scheme: 'http' }, context.log).catch(
        (error: unknown) => {
          listening = undefined
          throw error
        },
      )
      return listening
    },
    async close() {
      // The caller of `listen` handles a rejection.
      await listening?.catch(() => undefined)
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}
