import { errorMessageOf } from '../../error-message.js'
import type { GatewayFrame } from '../../../protocol/index.js'
import type { Fault, SocketPhase } from '../../machine/state.js'
import { ATTEMPT_TIMEOUT } from '../../machine/waits.js'
import { deadlineTimer, now } from '../../util/clock.js'
import { listen } from '../../util/listen.js'
import { hasEvents } from '../../util/runtime.js'
import { LOST, type Connection, type ConnectionListener, type StartFrame } from '../connection.js'
import { webSocketClass, type WebSocketClass } from '../../websocket-class.js'
import { openWebSocket, type WebSocketConnection } from '../websocket.js'
import type { ConnectionLock } from './connection-lock.js'
import { onBlocked } from './policy-violations.js'
import {
  beginRace,
  stepRace,
  transportKinds,
  type RaceEffect,
  type RaceInput,
  type RaceStep,
  type TransportKind,
  type Wait,
} from './race.js'
import type { TransportRecord } from './record.js'
import { createStartGate } from './start-gate.js'
import { openStream } from './stream.js'

/** What the races of a session have in common. */
export interface RaceSession {
  /** The addresses of the session: `wss://HOST/v1/session` and `https://HOST/v1/session`. */
  address: string
  url: string
  WebSocket: WebSocketClass | undefined
  record: TransportRecord
  lock: ConnectionLock
  /** Returns the session's `start` frame as it is now. */
  startFrame(): StartFrame
}

export interface RaceAttempt {
  /** The `start` frame for the handshake; null if the session sends it later. */
  start: StartFrame | null
  listener: ConnectionListener
  /** The attempt's phase in the session's state. */
  phase: SocketPhase
  /** The attempt's WebSocket, if it is opening or open. The race takes it over. */
  webSocket: WebSocketConnection | undefined
}

/** Returns for how many milliseconds an attempt has been under way. */
const waitedIn = (phase: SocketPhase): number =>
  'until' in phase ? ATTEMPT_TIMEOUT - (phase.until - now()) : 0

/** Returns whether an https page must not connect to this address, by a stream either. */
const isMixedContent = (address: string): boolean =>
  address.startsWith('ws:') && (globalThis as { location?: Location }).location?.protocol === 'https:'

const POLICY_HINT =
  "chat-session: the page's Content-Security-Policy blocks WebSockets, so a stream is used: add this address to connect-src."

/** The frames that show that the gateway has heard the client. */
const answers: readonly string[] = [
  'sent',
  'history',
  'peers',
  'refused',
  'renewed',
] satisfies GatewayFrame['type'][]

/** Opens a WebSocket, a stream or both, as `stepRace` says. To the session they are one connection. */
export const openRaceConnection = (session: RaceSession, attempt: RaceAttempt): Connection => {
  const { address, url, record, lock } = session
  const { phase, webSocket: adopted } = attempt
  const life = new AbortController()
  const lanes: Partial<Record<TransportKind, Connection | undefined>> = {}
  const timers: Partial<Record<Wait, (deadline: number) => void>> = {}
  /** Whether a frame was handed to the session. */
  let hasBrought = false
  /** Whether the gateway has answered the session on this connection. */
  let isHeard = false
  /** Whether the session ends. */
  let isEnding = false
  /** Whether `sendStart` has nothing to send: the handshake had the start, or it was sent before the race took the WebSocket over. */
  let hasStarted = false

  const startFrame = (): StartFrame => record.withKey(session.startFrame())
  const isSent = phase.at === 'start-sent'
  const isOpened = isSent || phase.at === 'open'
  const gate = createStartGate(isSent || attempt.start ? startFrame() : null, isOpened, () => {
    if (!life.signal.aborted) connection.listener({ type: 'opened' })
  })

  const drop = async (kind: TransportKind, code?: number): Promise<void> => {
    const lane = lanes[kind]
    lanes[kind] = undefined
    await lane?.close(code)
  }

  const fail = (fault: Fault): void => {
    if (life.signal.aborted) return
    life.abort()
    for (const kind of transportKinds) void drop(kind)
    // A listener is not called before the function that made its connection has returned.
    queueMicrotask(() => connection.listener({ type: 'fatal', fault: { ...fault, retryable: false } }))
  }

  const listenerOf =
    (kind: TransportKind): ConnectionListener =>
    (event) => {
      switch (event.type) {
        case 'opened':
          return feed({ type: 'opened', kind, waited: 0 })
        case 'frame':
          return feed({ type: 'frame', kind, frame: event.frame })
        case 'queued':
        case 'served':
          // A wait for other tabs does not make the attempt fail.
          if (!race.winner) connection.listener(event)
          return feed(event)
        case 'fatal':
          return fail(event.fault)
        case 'closed': {
          const closed = (): void => feed({ type: 'closed', kind, code: event.code })
          // Browsers dispatch `securitypolicyviolation` after the close of the WebSocket. So the race gets the close after that event.
          if (race[kind] === 'opening') setTimeout(closed)
          else closed()
        }
      }
    }

  /** A transport that is opening can't connect from this page, so it is not tried again. `fault` says why, if no other transport is left. */
  const bar = (kind: TransportKind, fault: Fault): void => {
    record.bar(kind)
    if (!record.world().kinds.length) return fail(fault)
    if (kind === 'websocket') feed({ type: 'overdue' })
    feed({ type: 'closed', kind, code: LOST })
  }

  /** The page's policy has blocked a connection to this address. */
  const blocked = (kind: TransportKind): void => {
    if (race[kind] !== 'opening') return
    bar(kind, { code: 'blocked-by-csp' })
    if (kind === 'websocket' && !life.signal.aborted) console.warn(POLICY_HINT, address)
  }

  /** `start` is for the handshake. It is null for a WebSocket that is tried later, because a proxy may have refused the header. */
  const openLane = (start: StartFrame | null): void => {
    hasStarted = start !== null
    const WebSocket = webSocketClass(session.WebSocket)
    // If the page's policy blocks the connection, Firefox and WebKit throw, and only then dispatch the policy's event. So a failure is
    // handled after that event.
    const failed = (fault: Fault, isFinal = false): void =>
      void setTimeout(() => {
        if (race.websocket === 'none') return
        if (isFinal && !hasBrought) fail(fault)
        else bar('websocket', fault)
      })
    if (!WebSocket) return failed({ code: 'no-websocket' })
    try {
      const listener = listenerOf('websocket')
      lanes.websocket = openWebSocket({ url: address, start, WebSocket, listener })
    } catch (cause) {
      const code = 'bad-endpoint'
      failed({ code, message: `${errorMessageOf(code)} (${String(cause)})` }, isMixedContent(address))
    }
  }

  const beginStream = (): void => {
    if (life.signal.aborted) return
    lanes.stream = openStream({
      url,
      start: startFrame,
      lock,
      listener: listenerOf('stream'),
      onAbsent: () => record.noStreams(),
    })
  }

  /** Sends the start on the WebSocket, unless its handshake had it. */
  const sendStart = (): void => {
    // The session may have received messages since its first start, so it needs a new `start` frame.
    if (hasBrought) lanes.websocket?.send(session.startFrame())
    else
      gate.whenKnown(() => {
        if (!hasStarted) lanes.websocket?.send(startFrame())
      })
  }

  /** Hands a frame to the session. If a stream carries the session, `started` gets the field `transport`. */
  const pass = (kind: TransportKind, frame: GatewayFrame): void => {
    hasBrought = true
    isHeard ||= answers.includes(frame.type)
    record.brought(frame, kind, race.winner, isHeard)
    const transport = race.winner === 'stream' ? race.winner : undefined
    connection.listener({ type: 'frame', frame: frame.type === 'started' ? { ...frame, transport } : frame })
  }

  const run = (effect: RaceEffect): void => {
    switch (effect.do) {
      case 'pass':
        return pass(effect.kind, effect.frame)
      case 'pass-close':
        life.abort()
        if (!hasBrought) record.failed()
        return connection.listener({ type: 'closed', code: effect.code })
      case 'open':
        if (effect.kind === 'stream') return gate.whenKnown(beginStream)
        return openLane(isBegun ? null : gate.start)
      case 'drop':
        return void drop(effect.kind)
      case 'send-start':
        return sendStart()
      case 'wait': {
        const setTimer = (timers[effect.for] ??= deadlineTimer(() => feed({ type: effect.for }), life.signal))
        return setTimer(now() + effect.time)
      }
      case 'stay':
        return record.stayOnStream()
      case 'keep-key':
        return record.keepKey(gate.start)
    }
  }

  const take = ([next, ...effects]: RaceStep): void => {
    race = next
    for (const effect of effects) run(effect)
  }
  const feed = (input: RaceInput): void => {
    if (!life.signal.aborted) take(stepRace(race, input))
  }

  const connection: Connection = {
    listener: attempt.listener,
    send(frame) {
      if (frame.type === 'end') isEnding = true
      if (frame.type === 'start') return gate.set(record.withKey(frame))
      for (const kind of transportKinds) if (!race.winner || race.winner === kind) lanes[kind]?.send(frame)
    },
    async close(code = 1000) {
      // With 1000 the session gives up the attempt. With any other code the user leaves the page, or the page sleeps, which is no failure.
      if (!hasBrought && code === 1000) record.failed()
      connection.listener = () => undefined
      life.abort()
      gate.close()
      await Promise.all(transportKinds.map((kind) => drop(kind, code)))
      if (isEnding) lock.release()
    },
  }

  if (adopted) {
    lanes.websocket = adopted
    hasStarted = gate.start !== null
    adopted.listener = listenerOf('websocket')
  }
  if (hasEvents()) listen(globalThis, 'online', () => feed({ type: 'retry' }), life.signal)
  onBlocked({ websocket: address, stream: `${url}/stream` }, blocked, life.signal)

  /** Whether the race has begun. A WebSocket that is opened later sends its start as a frame. */
  let isBegun = false
  const first = beginRace(record.world(), adopted ? { waited: waitedIn(phase) } : null)
  let [race] = first
  take(first)
  isBegun = true
  // A start in the handshake was sent when the attempt began, and the time for its answer began then, too.
  if (adopted && isOpened)
    feed({ type: 'opened', kind: 'websocket', waited: attempt.start ? waitedIn(phase) : 0 })
  return connection
}
