import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'

/** The parts of a request before its body. Node's `IncomingMessage` has them too. */
export interface RequestHead {
  /** The target: a path, or a whole URL. */
  url?: string | undefined
  headers: IncomingHttpHeaders
  socket: { readonly remoteAddress?: string | undefined }
}

/** A request: its head, and its body as a `Readable`. */
export type ReadableRequest = RequestHead & Readable
