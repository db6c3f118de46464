import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { dropInput, lingeringClose } from './lingering-close.js'
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
/** Milliseconds that a client has to finish its request after the response. */
const BODY_TIMEOUT = 5_000

interface SocketState {
  requests: number
  isBusy: boolean
  isRefused: boolean
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
    const state = { requests: 0, isBusy: false, isRefused: false, ignored: 0, waiting: [] }
    states.set(socket, state)
    return state
  }

  const start = (state: SocketState, request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request
    state.isBusy = true
    const timer = setTimeout(() => socket.destroy(), responseTimeout).unref()
    response.once('close', () => {
      clearTimeout(timer)
      state.isBusy = false
      if (!request.complete) destroyLater(request)
      const next = state.waiting.shift()
      if (next && !socket.destroyed) start(state, ...next)
    })
    handle(request, response, () => clearTimeout(timer))
  }

  return (request, response) => {
    const { socket } = request
    const state = stateOf(socket)
    state.requests += 1
    if (state.isRefused) {
      state.ignored += 1
      ignored += 1
      if (ignored > MAX_IGNORED) socket.destroy()
    } else if (state.waiting.length >= MAX_WAITING) {
      state.isRefused = true
      socket.once('close', () => (ignored -= state.ignored))
      refuseWaiting(socket, state)
    } else {
      if (state.requests >= MAX_REQUESTS) {
        response.shouldKeepAlive = false
        closeAfterResponse(socket)
      }
      if (state.isBusy) state.waiting.push([request, response])
      else start(state, request, response)
    }
  }
}

/** Replaces the socket's `destroySoon`, which Node calls after the last response. Node's own function resets a client that still sends. */
const closeAfterResponse = (socket: Socket): void => {
  socket.destroySoon = () => lingeringClose(socket)
}

/** Responds 429 to the first request that waits. This is the socket's last response: the other waiting requests get none. */
const refuseWaiting = (socket: Socket, { waiting }: SocketState): void => {
  dropInput(socket)
  closeAfterResponse(socket)
  const [first] = waiting.splice(0)
  if (first) refuse(first[1], 429, 'rate-limited', 'Wait for a response before the next request.')
}

/** Destroys the socket of a request that is not finished in `BODY_TIMEOUT`. A client that sends byte by byte must not keep the socket. */
const destroyLater = (request: IncomingMessage): void => {
  const timer = setTimeout(() => request.socket.destroy(), BODY_TIMEOUT).unref()
  request.once('close', () => clearTimeout(timer))
}
