import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { dropInput, dropRest, lingeringClose } from './lingering-close.js'
import { refuse } from './problem.js'

/** `stayOpen` removes the time limit of the response. */
type HandleRequest = (request: IncomingMessage, response: ServerResponse, stayOpen: () => void) => void

/** How many requests of one socket may wait for the response to an earlier one. Browsers do not pipeline at all. */
const MAX_WAITING = 16
/**
 * How many ignored requests may be in memory, of all sockets together. Node parses them after their socket was refused, and they stay in
 * memory until the socket is closed. Beyond this number a socket that has sent a further one is destroyed at once.
 */
const MAX_IGNORED = 20_000
/** How many requests one socket may send in all. The last response closes the socket. */
const MAX_REQUESTS = 1_000
/** Milliseconds from the call of `handle` until the response must be sent, if no `responseTimeout` is given. */
const RESPONSE_TIMEOUT = 60_000

interface SocketState {
  requests: number
  /** The request whose response is not closed yet. */
  current: IncomingMessage | undefined
  /** Whether the socket takes no further request. */
  isLast: boolean
  /** Whether the socket will be closed. Its further requests are ignored. */
  isClosing: boolean
  ignored: number
  readonly waiting: [IncomingMessage, ServerResponse][]
}

/**
 * Calls `handle` for one request of a socket at a time. Node parses all pipelined requests of a packet at once. If all were handled at
 * once, a client that never reads would fill the memory with responses.
 */
export const createRequestQueue = (
  handle: HandleRequest,
  responseTimeout = RESPONSE_TIMEOUT,
): ((request: IncomingMessage, response: ServerResponse) => void) => {
  const states = new WeakMap<Socket, SocketState>()
  let ignored = 0

  const stateOf = (socket: Socket): SocketState => {
    const known = states.get(socket)
    if (known) return known
    const state: SocketState = {
      requests: 0,
      current: undefined,
      isLast: false,
      isClosing: false,
      ignored: 0,
      waiting: [],
    }
    states.set(socket, state)
    // Node calls this function after the last response. Node's own function resets a client that still sends.
    socket.destroySoon = () => {
      if (state.current?.complete === false) closeAfterBody(socket, state, state.current)
      else if (state.isLast) lingeringClose(socket)
      else Socket.prototype.destroySoon.call(socket)
    }
    return state
  }

  const ignoreFurther = (socket: Socket, state: SocketState): void => {
    state.isClosing = true
    socket.once('close', () => (ignored -= state.ignored))
  }

  /** Closes the gateway's side of a socket, and the other side when the client has sent its request to the end. */
  const closeAfterBody = (socket: Socket, state: SocketState, request: IncomingMessage): void => {
    ignoreFurther(socket, state)
    dropRest(request, () => socket.destroy())
    request.once('end', () => lingeringClose(socket))
    socket.end()
  }

  /** Responds 429 to the first request that waits. This is the socket's last response: the other waiting requests get none. */
  const refuseWaiting = (socket: Socket, state: SocketState): void => {
    ignoreFurther(socket, state)
    state.isLast = true
    dropInput(socket)
    const [first] = state.waiting.splice(0)
    if (first) refuse(first[1], 429, 'rate-limited', 'Wait for a response before the next request.')
  }

  const start = (state: SocketState, request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request
    state.current = request
    // Of a request that nobody has read from, Node drops the body without an event, and `dropRest` could not bound it.
    if (!request.complete) request.read(0)
    const timer = setTimeout(() => socket.destroy(), responseTimeout).unref()
    response.once('close', () => {
      clearTimeout(timer)
      state.current = undefined
      // A client that sends byte by byte must not keep the socket.
      if (!request.complete && !state.isClosing) dropRest(request, () => socket.destroy())
      const next = state.waiting.shift()
      if (next && !socket.destroyed) start(state, ...next)
    })
    handle(request, response, () => clearTimeout(timer))
  }

  return (request, response) => {
    const { socket } = request
    const state = stateOf(socket)
    state.requests += 1
    if (state.isClosing) {
      state.ignored += 1
      ignored += 1
      if (ignored > MAX_IGNORED) socket.destroy()
    } else if (state.waiting.length >= MAX_WAITING) {
      refuseWaiting(socket, state)
    } else {
      if (state.requests >= MAX_REQUESTS) {
        response.shouldKeepAlive = false
        state.isLast = true
      }
      if (state.current) state.waiting.push([request, response])
      else start(state, request, response)
    }
  }
}
