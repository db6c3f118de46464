import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Connection } from '../../connection/connection.js'
import { namedOriginHeaders } from '../../http/cross-origin.js'
import { refuse } from '../../http/problem.js'
import type { Slot } from '../../limits/connection-limits.js'
import { receiveStartBody } from './start-body.js'
import { EVENT_HEADERS, type EventSink } from './stream-transport.js'
import type { NodeHandlers } from '../server-handlers.js'

const sinkOf = (response: ServerResponse): EventSink => ({
  get bufferedAmount() {
    return response.writableLength
  },
  isFull: () => response.writableNeedDrain,
  write: (text) => void response.write(text),
  end: () => void response.end(),
  destroy: () => void response.destroy(),
})

/** Answers a request on Node's HTTP server with a stream. */
export const openNodeStream = async (
  { openStream, startTimeout, peerOf, countSocket }: NodeHandlers,
  evictionOf: (connection: Connection, socket: Duplex, slot: Slot) => Slot['evict'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const { socket } = request
  const peer = peerOf(request)
  const slot = countSocket(socket, request, peer)
  const headers = namedOriginHeaders(peer.origin)
  const start = await receiveStartBody(request, slot, startTimeout)
  // A client that is gone gets no session: its start could end another session of the user as `too-many-sessions`.
  if (socket.destroyed) return
  if ('status' in start) {
    slot.evict = () => void socket.destroy()
    return refuse(response, start.status, start.code, start.title, headers)
  }
  socket.setTimeout(0).setNoDelay()
  // The socket is closed with the stream. Otherwise a later request on the socket would count as this stream.
  response.shouldKeepAlive = false
  response.writeHead(200, { ...headers, ...EVENT_HEADERS })
  const transport = openStream(sinkOf(response), start, peer, slot, (connection) =>
    evictionOf(connection, socket, slot),
  )
  response.on('drain', () => transport.onDrain()).on('close', () => transport.onClosed())
}
