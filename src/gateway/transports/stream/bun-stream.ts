import type { Peer } from '../../auth/authentication.js'
import { namedOriginHeaders } from '../../http/cross-origin.js'
import type { ReadableRequest } from '../../http/request-head.js'
import type { Slot } from '../../limits/connection-limits.js'
import { afterBody } from '../after-body.js'
import { CLOSE_TIMEOUT, endForLimit } from '../handshake.js'
import { badBody, receiveStartBody } from './start-body.js'
import { EVENT_HEADERS, type EventSink, type StreamTransport } from './stream-transport.js'
import type { ServerHandlers } from '../server-handlers.js'

/** If this many bytes wait, a stream counts as full. */
const HIGH_WATER_MARK = 16_384

const encoder = new TextEncoder()

/** A response of Bun's server. */
interface BunResponse {
  /** Sets the seconds without a byte after which Bun closes the socket; 0: never. */
  setTimeout(seconds: number): void
  /** Called if the response has begun. */
  onOpened(transport: StreamTransport): void
  /** Called once, when the response has ended or its client has left. `transport` is undefined if it had not begun. */
  onClosed(transport: StreamTransport | undefined): void
}

/** The body of a response on Bun. */
class BunSink implements EventSink {
  readonly body: ReadableStream<Uint8Array>
  /** Set before Bun calls `pull`. */
  transport: StreamTransport | undefined
  readonly #response: BunResponse
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #isClosed = false

  constructor(response: BunResponse) {
    this.#response = response
    response.setTimeout(0)
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.transport?.onDrain(),
        cancel: () => this.#close(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_MARK }),
    )
  }

  get bufferedAmount(): number {
    return this.#isClosed ? 0 : HIGH_WATER_MARK - (this.#controller?.desiredSize ?? HIGH_WATER_MARK)
  }

  isFull(): boolean {
    return this.bufferedAmount >= HIGH_WATER_MARK
  }

  write(text: string): void {
    if (!this.#isClosed) this.#controller?.enqueue(encoder.encode(text))
  }

  end(): void {
    if (this.#isClosed) return
    // Bun does not report when the waiting bytes are sent. With this time limit a client that does not read can't keep the socket.
    this.#response.setTimeout(Math.ceil(CLOSE_TIMEOUT / 1_000))
    this.#controller?.close()
    this.#close()
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  destroy(): void {
    if (this.#isClosed) return
    this.#controller?.error(new Error('The client reads too slowly.'))
    this.#close()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#response.onClosed(this.transport)
    this.transport?.onClosed()
  }
}

/** Answers a request on Bun's HTTP server with a stream. */
export const openBunStream = async (
  { openStream, releaseSlot, startTimeout }: ServerHandlers,
  request: Request,
  incoming: ReadableRequest,
  peer: Peer,
  slot: Slot,
  outgoing: BunResponse,
): Promise<Response> => {
  const headers = namedOriginHeaders(peer.origin)
  // The body has a time limit of its own.
  outgoing.setTimeout(0)
  const start = await receiveStartBody(incoming, slot, startTimeout)
  // A client that is gone is refused, too: its start could end another session of the user as `too-many-sessions`.
  if ('status' in start || request.signal.aborted) {
    outgoing.onClosed(undefined)
    const { status, ...problem } = 'status' in start ? start : badBody('incomplete')
    const response = new Response(JSON.stringify({ status, ...problem }), {
      status,
      headers: { ...headers, 'content-type': 'application/problem+json' },
    })
    return afterBody(incoming, response)
  }
  const sink = new BunSink(outgoing)
  const transport = openStream(sink, start, peer, slot, (connection) => (refusal) => {
    endForLimit(connection, refusal)
    releaseSlot(slot)
  })
  sink.transport = transport
  // If the session was refused at once, the stream is closed already.
  if (!sink.isClosed) outgoing.onOpened(transport)
  return new Response(sink.body, { headers: { ...headers, ...EVENT_HEADERS } })
}
