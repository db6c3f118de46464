import type { ClientFrame, GatewayFrameOf } from '../../protocol/index.js'
import { toSessionError } from '../errors.js'
import { isConnecting, isPageGone, isUnderWay } from '../machine/selectors.js'
import type { Connecting, Fault, InputOf, SocketPhase, State } from '../machine/state.js'
import { RACE_AFTER } from '../machine/waits.js'
import { deadlineTimer, now } from '../util/clock.js'
import { ifPossible } from '../util/if-possible.js'
import { webSocketClass } from '../websocket-class.js'
import {
  LOST,
  type Connection,
  type ConnectionListener,
  type ConnectionOptions,
  type StartFrame,
} from './connection.js'
import { endAfterOpen } from './end-after-open.js'
import { loadRace } from './load-race.js'
import type { OpenRace } from './stream/create-race.js'
import { hasStreamWorked, noteWebSocket } from './stream/memory.js'
import { openWebSocket, sessionUrl, type WebSocketConnection } from './websocket.js'
import { toJson } from '../util/to-json.js'

/** The inputs of the state machine (machine/step.ts) that are events of a connection. */
export type AttemptInput = InputOf<'opened' | 'queued' | 'served' | 'frame' | 'closed' | 'fatal'>

/** What the attempts use of their session. */
interface AttemptsHost {
  startFrame(): StartFrame
  state(): State
  feed(input: AttemptInput | InputOf<'wake'>): void
  emitError(fault: Fault): void
}

/** Opens the connections of a session, one after the other. */
export interface Attempts {
  /** Makes an attempt. `withStart` puts the start into its handshake. */
  open(withStart: boolean): void
  send(frame: ClientFrame): void
  /** Closes the connection, and resolves when it is closed. @default code 1000 */
  close(code?: number): Promise<void>
  /** Ends the session of an attempt that is still opening, and closes the connection. */
  endAfterOpen(): Promise<void>
  /** Called when the session is over. */
  stop(): void
}

/** The `readyState` of a WebSocket that closes, and of one that is closed. */
const CLOSING = 2
const CLOSED = 3

/**
 * Opens WebSockets. If no attempt succeeds for a second, loads the race of a WebSocket and an event stream, which then makes all attempts.
 */
export const createAttempts = (options: ConnectionOptions, host: AttemptsHost): Attempts => {
  const { endpoint, transports } = options
  const isStreamOnly = !!transports && !transports.includes('websocket')
  /**
   * Whether attempts wait until the race is loaded. They do if only streams are allowed, if a stream has worked in this tab, or if no
   * WebSocket can be opened.
   */
  let needsRace = isStreamOnly || hasStreamWorked()
  /** Opens the attempts, once the race is loaded. */
  let openRace: OpenRace | undefined
  /** When the race will be loaded; Infinity if no attempt needs it. */
  let raceAt = Infinity
  /** Undefined while an attempt waits for the race. */
  let connection: Connection | undefined
  /** The attempt's WebSocket, if the race has not opened it. */
  let webSocket: WebSocketConnection | undefined
  /** The attempt's start, if its handshake has it. */
  let start: StartFrame | null = null
  /** Why the gateway closes the connection. */
  let reason: GatewayFrameOf<'ended'> | undefined

  const listener: ConnectionListener = (event) => {
    switch (event.type) {
      case 'frame':
        if (event.frame.type === 'ended') reason = event.frame
        else host.feed({ type: 'frame', frame: event.frame })
        // Otherwise a later outage would look like a network that swallows WebSockets. The race notes what works by itself.
        if (event.frame.type === 'started' && !openRace) noteWebSocket(endpoint)
        return
      case 'closed':
        return host.feed({ ...event, reason })
      default:
        return host.feed(event)
    }
  }

  const loadRaceAt = (time: number): void => {
    raceAt = time
    setTimer(time)
  }
  const setTimer = deadlineTimer(() => {
    raceAt = Infinity
    load()
  })

  /** Returns the session's state if the race would be of use: a page that sleeps makes no attempt, and must not be woken. */
  const stateToRace = (): Connecting | undefined => {
    const state = host.state()
    return !openRace && isConnecting(state) && !isPageGone(state) ? state : undefined
  }

  const load = (): void => {
    if (!stateToRace()) return
    loadRace().then(
      ({ createRace }) => {
        const state = stateToRace()
        if (!state) return
        const { connectFailures: failures, error, socket } = state
        openRace = createRace(options, { startFrame: host.startFrame, failures, error })
        // A WebSocket that is closing reports its close soon. The race makes the next attempt.
        if (isUnderWay(socket) && webSocket?.readyState !== CLOSING) race(socket, openRace)
        // If the gateway gave `retryAfter`, the attempt waits for that time.
        if (!error?.retryAfter) host.feed({ type: 'wake' })
      },
      (error: unknown) => {
        const state = host.state()
        // If the session was active before, its state says already that the connection is lost, so no error is emitted.
        if (state.name === 'starting') host.emitError(toSessionError(error, 'script-unavailable'))
        // If the user has left the page meanwhile, there is no attempt that could fail, and only `show` connects again.
        if (!needsRace || !isConnecting(state) || !isUnderWay(state.socket)) return
        needsRace = isStreamOnly
        host.feed({ type: 'closed', code: LOST })
      },
    )
  }

  /** Opens a race for the attempt. The race takes over the attempt's WebSocket, if that is opening or open. */
  const race = (phase: SocketPhase, open: OpenRace): void => {
    // Chrome dispatches no close event if the page's policy blocks the WebSocket.
    const former = webSocket?.readyState === CLOSED ? undefined : webSocket
    webSocket = undefined
    connection = open({ start, listener, phase, webSocket: former })
  }

  /** Opens a WebSocket for the attempt, or lets the attempt wait for the race. */
  const openOrWait = (url: string): void => {
    const WebSocket = webSocketClass(options.WebSocket)
    if (WebSocket && !needsRace)
      webSocket = ifPossible(() => openWebSocket({ url, start, WebSocket, listener }))
    connection = webSocket
    needsRace = !webSocket
    loadRaceAt(Math.min(raceAt, now() + (needsRace ? 0 : RACE_AFTER)))
  }

  /** Takes the connection away, so that another one can be opened while this one closes. */
  const take = (): Connection | undefined => {
    const taken = connection
    connection = webSocket = undefined
    return taken
  }

  return {
    open(withStart) {
      const frame = host.startFrame()
      let url: string
      /** Why the next line throws, if it does. */
      let code = endpoint ? 'bad-endpoint' : 'no-endpoint'
      try {
        url = sessionUrl(endpoint)
        // `authParams` may have a value that JSON can't write. This is checked now, so that a start that is sent later can be written.
        code = 'bad-request'
        toJson(frame)
      } catch (cause) {
        return host.feed({ type: 'fatal', fault: { code, cause } })
      }
      start = withStart ? frame : null
      reason = webSocket = undefined
      const state = host.state()
      if (openRace && isConnecting(state)) race(state.socket, openRace)
      else openOrWait(url)
    },
    send: (frame) => connection?.send(frame),
    async close(code) {
      await take()?.close(code)
    },
    async endAfterOpen() {
      const ending = take()
      if (ending) await endAfterOpen(ending)
    },
    stop: () => loadRaceAt(Infinity),
  }
}
