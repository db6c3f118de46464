import { SUBPROTOCOL, type ClientFrame, type ClientFrameOf, type GatewayFrameOf } from '../protocol/index.js'
import { deadlineTimer, now } from './util/clock.js'
import type { CredentialStore } from './credentials/credentials.js'
import { errorCodeOf, step, TOO_MANY_SESSIONS } from './machine/step.js'
import type { SessionOptions } from './options.js'
import { ifPossible } from './util/if-possible.js'
import { isPageHidden, onActivated, watchPage } from './page.js'
import type { ResumeStorage } from './storage/resume-key.js'
import { traceStep } from './trace.js'
import type { OpenSocket, Transport, TransportListener } from './transports/transport.js'
import { loadRace } from './transports/load-race.js'
import { MEMORY_KEY, WEBSOCKET_KEY } from './transports/stream/memory.js'
import { openTransport, sessionUrl, startProtocols } from './transports/websocket.js'
import {
  deadlineOf,
  idle,
  isOver,
  type AnswerType,
  type Effect,
  type Fault,
  type Input,
  type Position,
  type State,
} from './machine/state.js'

/**
 * Milliseconds after which the race is loaded, if no attempt has succeeded. The race tries a WebSocket and an event stream side by side.
 */
const RACE_AFTER = 1_000
/** The close code of a connection that was lost without a close frame (RFC 6455, 7.1.5). */
const LOST = 1006

/** The values and callbacks that a session passes to its runner. */
interface Host {
  credentials: CredentialStore
  startFrame(): ClientFrameOf<'start'>
  /** Stores the session between two pages; undefined if that is not possible. */
  resumeStorage: ResumeStorage | undefined
  /** Returns the position up to which a server drew the page; undefined once a session has started. */
  since(): Position | undefined
  /** Called once for each step, when no input is queued any more. The frames and errors of the step are delivered after this call. */
  changed(before: State, after: State): void
  deliver(frame: GatewayFrameOf<'message' | AnswerType>): void
  emitError(fault: Fault): void
}

export interface Runner {
  state(): State
  /** Returns whether the session was started and has not ended or failed. */
  isRunning(): boolean
  start(): void
  /** Ends the session; resolves when its socket is closed. */
  end(): Promise<void>
  /** Feeds the machine an input of the session or its page. */
  feed(input: Extract<Input, { type: 'credentials' | 'source' | 'wake' | 'leave' }>): void
  /** Sends a frame if the session is active, and returns whether it is. */
  send(frame: ClientFrame): boolean
}

/**
 * Feeds inputs to the state machine (machine/step.ts) and runs its effects: it opens sockets, sets one timer and fetches tokens. The
 * machine makes all decisions except when to load the race.
 */
export const createRunner = (
  options: Pick<SessionOptions, 'endpoint' | 'WebSocket' | 'transports' | 'trace' | 'sleep'>,
  host: Host,
): Runner => {
  const { endpoint, transports, trace } = options
  const { credentials, resumeStorage } = host
  let state = idle
  /**
   * When this controller aborts, the listeners for events of the page are removed, and a fetch is cancelled. It aborts when the session is
   * over, unless the session will start again when its page becomes visible (`TOO_MANY_SESSIONS`).
   */
  let lifetime = new AbortController()
  lifetime.abort()
  /** When the race will be loaded; Infinity if no attempt needs it. */
  let raceAt = Infinity
  let transport: Transport | undefined
  let closing: Promise<void> | undefined
  const isStreamOnly = transports && !transports.includes('websocket')
  /**
   * Whether attempts wait until the race is loaded. They do if only streams are allowed, if a stream has worked in this tab, or if no
   * WebSocket can be opened.
   */
  let needsRace: unknown = isStreamOnly || ifPossible(() => sessionStorage[MEMORY_KEY] as unknown)
  /** Opens the attempts, once the race is loaded. */
  let openRace: OpenSocket | undefined
  /** Inputs that came while a step was running; undefined while no step runs. */
  let queue: Input[] | undefined

  const begin = (): void => {
    lifetime.abort()
    lifetime = new AbortController()
    watchPage(
      feed,
      (mayWait) => {
        const resume = resumeStorage?.take()
        // If the stored session is gone, another page has taken it, and has not stored it again yet.
        if (resumeStorage && resume === undefined && mayWait) return false
        feed({ type: 'show', resume })
        return true
      },
      lifetime.signal,
    )
  }

  /** Opens a WebSocket. If the page can't open one, the race makes the attempt. */
  const openWebSocket: OpenSocket = (url, protocols) => {
    const socket = ifPossible(() =>
      needsRace
        ? undefined
        : new ((options.WebSocket as typeof WebSocket | undefined) ?? WebSocket)(url, protocols),
    )
    needsRace = !socket
    return socket ?? ({ OPEN: 1 } as WebSocket)
  }

  /** Loads the race, unless an attempt has succeeded. The race then makes all further attempts. */
  const raceSoon = (): void => {
    raceAt = Infinity
    // A page that sleeps has no transport, and must not be woken.
    if (openRace || !transport || !('socket' in state)) return
    loadRace().then(
      ({ createRace }) => {
        if (openRace || !transport || !('socket' in state)) return
        openRace = createRace(options, host.startFrame, state)
        transport.race(openRace, state.socket)
        // If the gateway gave `retryAfter`, the attempt waits for that time.
        if (!state.error?.retryAfter) feed({ type: 'wake' })
      },
      (error: unknown) => {
        // If the session was active before, its state says already that the connection is lost, so no error is emitted.
        if (state.name === 'starting') host.emitError(error as Fault)
        // If the user has left the page meanwhile, there is no attempt that could fail, and only `show` connects again.
        if (!needsRace || !transport) return
        needsRace = isStreamOnly
        feed({ type: 'closed', code: LOST })
      },
    )
  }

  const open = (withStart: boolean): void => {
    const listener: TransportListener = (input) => {
      // If the start is too long for a header, it is sent as the first frame.
      if (input.type === 'opened' && withStart && !protocols) transport?.send(host.startFrame())
      feed(input)
    }
    let url: string | undefined, protocols: string[] | undefined
    try {
      url = sessionUrl(endpoint)
      // This throws if `authParams` has a value that JSON can't write. So a start that is sent later can be written then.
      protocols = startProtocols(host.startFrame())
    } catch (cause) {
      const code = url ? 'bad-request' : endpoint ? 'bad-endpoint' : 'no-endpoint'
      return listener({ type: 'fatal', fault: { cause, code } })
    }
    transport = openTransport(
      openRace ?? openWebSocket,
      url,
      withStart && protocols ? protocols : [SUBPROTOCOL],
      listener,
    )
    raceAt = Math.min(raceAt, now() + (needsRace ? 0 : RACE_AFTER))
  }

  const run = (effect: Effect, defer: (callback: () => void) => void): void => {
    switch (effect.do) {
      case 'open':
        return open(effect.withStart)
      case 'send-start':
        return transport?.send(host.startFrame())
      case 'send-token':
        return transport?.send({ type: 'token', token: credentials.held()?.token || '' })
      case 'send':
        return transport?.send(effect.frame)
      case 'close':
        closing = transport?.close(effect.code)
        transport = undefined
        return
      case 'end-after-open':
        closing = transport?.endAfterOpen()
        transport = undefined
        return
      case 'fetch-token':
        return void credentials.fetch(effect.reason, lifetime.signal, (result, cause) =>
          feed({ type: 'fetch-result', result, cause }),
        )
      case 'accept-credentials':
        // Notes that a WebSocket has worked. Otherwise a later outage would look like a network that swallows WebSockets.
        if (!openRace) ifPossible(() => (sessionStorage[WEBSOCKET_KEY] = endpoint))
        return credentials.accept(effect.token)
      case 'discard':
        return credentials.discard(effect.which)
      case 'deliver':
        return defer(() => host.deliver(effect.frame))
      case 'emit-error':
        return defer(() => host.emitError(effect.fault))
    }
  }

  /** Runs `input` and the inputs that are fed meanwhile. Then calls `host.changed` for each of them, which may feed more inputs. */
  const feed = (input: Input): void => {
    if (queue) return void queue.push(input)
    const inputs = (queue = [input])
    const callbacks: (() => void)[] = []
    for (let next = inputs.shift(); next; next = inputs.shift()) {
      const before = state
      const held = credentials.held() ? 'held' : credentials.fetchable() ? 'fetchable' : 'none'
      const [after, ...effects] = step(before, next, {
        now: now(),
        random: Math.random(),
        hidden: isPageHidden(),
        credentials: held,
        since: host.since(),
      })
      state = after
      traceStep(trace, [next, before, after, effects])
      if ('socket' in after && lifetime.signal.aborted) begin()
      callbacks.push(() => host.changed(before, after))
      for (const effect of effects) run(effect, (callback) => callbacks.push(callback))
    }
    queue = undefined
    if (isOver(state.name)) {
      raceAt = Infinity
      // A session that made room for a newer one of the user keeps its listeners: it starts again when its page is visible.
      if (errorCodeOf(state) !== TOO_MANY_SESSIONS) lifetime.abort()
    }
    setDeadline(Math.min(deadlineOf(state), raceAt))
    for (const callback of callbacks) callback()
  }

  const setDeadline = deadlineTimer(() => {
    if (raceAt <= now()) raceSoon()
    feed({ type: 'time' })
  })

  return {
    state: () => state,
    isRunning: () => !lifetime.signal.aborted && !isOver(state.name),
    start() {
      begin()
      onActivated(() => feed({ type: 'start', resume: resumeStorage?.take() }), lifetime.signal)
    },
    async end() {
      feed({ type: 'end' })
      await closing
    },
    feed,
    send(frame) {
      const active = state.name === 'active'
      if (active) transport?.send(frame)
      return active
    },
  }
}
