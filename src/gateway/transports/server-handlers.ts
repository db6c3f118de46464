import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Peer } from '../auth/authentication.js'
import type { Connection } from '../connection/connection.js'
import type { Transport } from '../connection/transport.js'
import type { RequestHead } from '../http/request-head.js'
import type { Slot } from '../limits/connection-limits.js'
import type { Streams } from './stream/streams.js'

/** The functions of the gateway that the servers of both runtimes call, Node and Bun. */
export interface ServerHandlers {
  /** Milliseconds that a message of a WebSocket, or the `start` frame of a stream, may take from its first byte to its last. */
  startTimeout: number
  peerOf(head: RequestHead): Peer
  /** Creates the connection of a WebSocket that has just opened. On Bun its handshake is not answered yet. */
  connect(transport: Transport, peer: Peer, slot: Slot): Connection
  openStream: Streams['open']
  /** Stops counting a socket that is closed, or that was refused for a limit, so that another socket can take its place. */
  releaseSlot(slot: Slot): void
}

/** The functions of the gateway that an HTTP server of Node calls. */
export interface NodeHandlers extends ServerHandlers {
  /** Counts a socket for the limits of connections. */
  countSocket(socket: Duplex, request: IncomingMessage, peer: Peer): Slot
  /** Returns whether a path belongs to the gateway. */
  owns(path: string): boolean
  /** Responds to a plain request. An unknown path gets a 404. */
  request(request: IncomingMessage, response: ServerResponse): void
}
