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
