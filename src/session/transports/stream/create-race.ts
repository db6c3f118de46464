import { SUBPROTOCOL, type ClientCode, type ClientFrameOf } from '../../../protocol/index.js'
import { deadlineTimer, now } from '../../util/clock.js'
import { errorMessageOf } from '../../error-message.js'
import { ifPossible } from '../../util/if-possible.js'
import { listen } from '../../util/listen.js'
import { ATTEMPT_TIMEOUT } from '../../machine/connecting.js'
import type { Connecting, Fault, SocketPhase } from '../../machine/state.js'
import type { OpenSocket } from '../transport.js'
import { startProtocols } from '../websocket.js'
import { createConnectionLock, type ConnectionLock } from './connection-lock.js'
import { LOST, type Lane, type LaneListener } from './lane.js'
import { recall, remember, type Memory } from './memory.js'
import {
  beginRace,
  stepRace,
  type RaceEffect,
  type RaceFrame,
  type RaceInput,
  type RaceStep,
  type RaceWorld,
  type TransportKind,
  type Wait,
} from './race.js'
import { openStream } from './stream.js'
import { webSocketLane } from './websocket-lane.js'

type Start = ClientFrameOf<'start'>

/** The part of a WebSocket that the session uses. */
interface RaceSocket {
  readonly OPEN: number
  readonly CLOSED: number
  readyState: number
  onopen?: (() => void) | null
  onmessage?: ((event: { data: string }) => void) | null
  onclose?: ((event: { code: number }) => void) | null
  ondeadline?: ((until: number) => void) | null
  send(json: string): void
  close(code?: number): void
}

/** The options of a session that its attempts need. */
interface RaceOptions {
  WebSocket?: (new (url: string, protocols: string[]) => unknown) | undefined
  transports?: readonly string[] | string | null | undefined
  sleep?: boolean | null | undefined
}

/** A close code after which a client gives up (RFC 6455, 7.4.1). */
const POLICY_VIOLATION = 1008
/** The `readyState` of WebSockets. */
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

const POLICY_HINT =
  "chat-session: the page's Content-Security-Policy blocks WebSockets, so a stream is used: add this address to connect-src."

const kindsOf = ['websocket', 'stream'] as const

/** The frame with which a session ends. */
const END = JSON.stringify({ type: 'end' })

/** The frames that show that the gateway has heard the client. */
const answers = ['sent', 'history', 'peers', 'refused', 'renewed']

/** Returns whether the gateway says that it has heard nothing. A fault that the session itself found has no `type`, and does not count. */
const isUnheard = (frame: Partial<RaceFrame> | Fault | null): boolean =>
  !!frame && 'type' in frame && frame.code === 'timeout'

/** Returns for how many milliseconds an attempt has been under way. */
const waited = (phase: SocketPhase | undefined): number =>
  phase && 'until' in phase ? ATTEMPT_TIMEOUT - (phase.until - now()) : 0

/**
 * Returns the function that opens all further attempts of a session, by a WebSocket, a stream or both. To the session each attempt looks
 * like one WebSocket. `startFrame` returns the session's `start` frame as it is now. The third argument is the session's state.
 */
export const createRace = (
  { WebSocket: CustomWebSocket, transports, sleep }: RaceOptions,
  startFrame: () => Start,
  { connectFailures, error }: Connecting,
): OpenSocket => {
  let failures = connectFailures
  const named = kindsOf.filter((kind) => transports?.includes(kind))
  const wanted = named.length ? named : kindsOf
  /** The transports that the page's Content-Security-Policy blocks. They are not tried again. */
  const barred = new Set<TransportKind>()
  let isAbsent = false
  /** What has worked in this tab before; null if nothing has, undefined before the first attempt. */
  let worked: Memory | 'websocket' | null | undefined
  /**
   * The key with which all further attempts resume, until a session starts. Set when the start of another attempt or transport came late
   * and replaced the winner's connection.
   */
  let contestedKey: string | undefined
  let lock: ConnectionLock | undefined

  const kinds = (): TransportKind[] =>
    wanted.filter((kind) => !barred.has(kind) && !(isAbsent && kind === 'stream' && wanted.length > 1))

  return (address, protocols, former, phase) => {
    const isUnderWay = !phase || ('until' in phase && phase.at !== 'backoff')
    // The attempt is over or is ending, so it keeps its socket.
    if (former && (!isUnderWay || former.readyState === CLOSING)) return former
    /**
     * The attempt's WebSocket, if it is opening or open. `former` may be closed already: Chrome dispatches no close event if the page's
     * policy blocks the WebSocket.
     */
    const adopted = former && former.readyState < CLOSING ? former : undefined
    const url = address.replace(/^ws/, 'http')
    const addresses = { websocket: address, stream: `${url}/stream` }
    const life = new AbortController()
    const lanes: Record<TransportKind, Lane | undefined> = { websocket: undefined, stream: undefined }
    const timers: Partial<Record<Wait, (deadline: number) => void>> = {}
    if (worked === undefined) {
      // If the tab noted nothing, a WebSocket carried the resumed session: only this function opens streams, and this is its first call.
      const hadSession = !!startFrame().resume
      worked = recall(address) ?? (hadSession ? 'websocket' : null)
      if (isUnheard(error)) worked = worked === 'websocket' ? null : worked
      // `connectFailures` also counts connections that were lost before they were stable. Here they do not count: their WebSockets opened.
      else if (hadSession) failures = 0
    }

    const world = (): RaceWorld => ({ kinds: kinds(), worked: worked ?? null, failures })

    /** Returns the attempt's `start` frame, with `contestedKey` if that is set. */
    const own = (frame: Start): Start => {
      const { resume } = frame
      return resume && contestedKey ? { ...frame, resume: { ...resume, key: contestedKey } } : frame
    }
    const isSent = phase?.at === 'start-sent'
    let start = isSent || protocols.length > 1 ? own(startFrame()) : undefined
    /** Whether the start was sent on the WebSocket, in the handshake or as a frame. */
    let hasStart = !!start
    /** Whether the session was told that the connection is open. Then the session sends the `start` frame, unless the handshake had it. */
    let isOpen = isSent || phase?.at === 'open'
    let hasBrought = false
    let hasBegun = false
    /** Whether the gateway has answered the session on this connection. */
    let isHeard = false
    /** Whether the session ends. */
    let isOver = false
    /** Functions that wait for the `start` frame. */
    let waiting: ((start: Start) => void)[] = []

    const whenStart = (use: (start: Start) => void): void => {
      if (start) use(start)
      else waiting.push(use)
      if (isOpen) return
      isOpen = true
      // The microtask runs after the session has set its handlers.
      queueMicrotask(() => life.signal.aborted || socket.onopen?.())
    }

    /** Ends the session with a frame like the gateway's, because every further attempt would fail in the same way. */
    const fail = (code: ClientCode, cause = ''): void => {
      if (life.signal.aborted) return
      life.abort()
      for (const kind of kindsOf) void drop(kind)
      const ended = { type: 'ended', code, message: errorMessageOf(code) + cause, retryable: false }
      // The microtask runs after the session has set its handlers.
      queueMicrotask(() => {
        socket.onmessage?.({ data: JSON.stringify(ended) })
        socket.onclose?.({ code: POLICY_VIOLATION })
      })
    }

    /**
     * Called when the policy blocked a connection to the gateway. That connection may be another script's, so only an opening transport is
     * barred.
     */
    const bar = (kind: TransportKind): void => {
      if (race[kind] !== 'opening') return
      barred.add(kind)
      if (!kinds().length) return fail('blocked-by-csp')
      if (kind === 'websocket') {
        console.warn(POLICY_HINT, address)
        feed({ type: 'overdue' })
      }
      feed({ type: 'closed', kind, code: LOST })
    }

    const listenerOf = (kind: TransportKind): LaneListener => ({
      opened: () => feed({ type: 'opened', kind }),
      text(json) {
        const frame = ifPossible(() => JSON.parse(json) as Partial<RaceFrame> | null)
        // The session reports what is wrong with the frame.
        if (typeof frame?.type !== 'string') socket.onmessage?.({ data: json })
        else feed({ type: 'frame', kind, frame: { ...(frame as RaceFrame), json, by: kind } })
      },
      closed(code) {
        const closed = (): void => feed({ type: 'closed', kind, code })
        // Browsers dispatch `securitypolicyviolation` after the close of the WebSocket. So the race gets the close after that event.
        if (race[kind] === 'opening') setTimeout(closed)
        else closed()
      },
    })

    const openWebSocket = (): void => {
      // A WebSocket that is tried while a stream works sends its start as a frame, because a proxy may have refused it in a header.
      const offered = hasStart && !hasBegun && start ? startProtocols(start) : undefined
      hasStart = !!offered
      try {
        const Socket = CustomWebSocket ?? (globalThis as Partial<typeof globalThis>).WebSocket
        if (!Socket) return fail('no-websocket')
        const opening = new (Socket as typeof WebSocket)(address, offered ?? [SUBPROTOCOL])
        lanes.websocket = webSocketLane(opening, listenerOf('websocket'))
      } catch (cause) {
        // If the page's policy blocks the connection, Firefox and WebKit throw, and only then dispatch the policy's event. So the error is
        // handled after that event.
        setTimeout(() => {
          if (race.websocket === 'none') return
          if (hasBrought) feed({ type: 'closed', kind: 'websocket', code: LOST })
          else fail('bad-endpoint', ` (${String(cause)})`)
        })
      }
    }

    const beginStream = (): void => {
      if (life.signal.aborted) return
      lock ??= createConnectionLock(new URL(url).origin, !!sleep)
      lanes.stream = openStream({
        url,
        start: () => own(startFrame()),
        lock,
        listener: listenerOf('stream'),
        onAbsent: () => (isAbsent = true),
        onQueue(isQueued) {
          // A wait for other tabs does not make the attempt fail.
          if (!race.winner) socket.ondeadline?.(isQueued ? Infinity : now() + ATTEMPT_TIMEOUT)
          feed({ type: 'queued', isQueued })
        },
      })
    }

    /** Hands a frame to the session. If a stream carries the session, `started` gets the field `transport`. */
    const pass = (frame: RaceFrame): void => {
      const { type, json, by } = frame
      hasBrought = true
      const { winner } = race
      isHeard ||= answers.includes(type)
      // `timeout` on a WebSocket without an answer is a failure: the network passed on the handshake or the start, but swallows what the
      // client sends after that.
      const isFailure = type === 'ended' && by === 'websocket' && !isHeard && isUnheard(frame)
      failures = isFailure ? failures + 1 : 0
      if (isFailure && winner) worked = null
      // Only the stream has reached the gateway, so it counts as what works.
      if (type === 'ended' && by === 'stream' && !winner) worked ??= by
      if (type !== 'started' || !winner) return socket.onmessage?.({ data: json })
      contestedKey = undefined
      if (worked !== 'only') remember(address, (worked = winner))
      const transport = winner === 'stream' ? winner : undefined
      socket.onmessage?.({ data: JSON.stringify({ ...(JSON.parse(json) as object), transport }) })
    }

    const run = (effect: RaceEffect): unknown => {
      switch (effect.do) {
        case 'pass':
          return pass(effect.frame)
        case 'pass-close':
          life.abort()
          if (!hasBrought) failures += 1
          return socket.onclose?.({ code: effect.code })
        case 'open':
          return effect.kind === 'stream' ? whenStart(beginStream) : openWebSocket()
        case 'drop':
          return drop(effect.kind)
        case 'send-start':
          // The session may have received messages since its first start, so it needs a new `start` frame.
          if (hasBrought) return lanes.websocket?.send(JSON.stringify(startFrame()))
          return whenStart(() => hasStart || lanes.websocket?.send(JSON.stringify(own(startFrame()))))
        case 'wait':
          return (timers[effect.for] ??= deadlineTimer(() => feed({ type: effect.for }), life.signal))(
            now() + effect.time,
          )
        case 'stay':
          return remember(address, (worked = 'only'))
        case 'keep-key':
          return (contestedKey = start?.resume?.key)
      }
    }

    const drop = async (kind: TransportKind, code?: number): Promise<void> => {
      const lane = lanes[kind]
      lanes[kind] = undefined
      await lane?.close(code)
    }

    const socket: RaceSocket = {
      OPEN,
      CLOSED,
      readyState: OPEN,
      send(json) {
        isOver ||= json === END
        if (start) {
          for (const kind of kindsOf) if (!race.winner || race.winner === kind) lanes[kind]?.send(json)
          return
        }
        // The session knows that the connection is open. So the first frame that it sends is `start`.
        start = own(JSON.parse(json) as Start)
        for (const use of waiting.splice(0)) use(start)
      },
      close(code = 1000) {
        // With 1000 the session gives up the attempt. With any other code the user leaves the page, or the page sleeps, which is no
        // failure.
        if (!hasBrought && code === 1000) failures += 1
        life.abort()
        waiting = []
        void Promise.all(kindsOf.map((kind) => drop(kind, code))).then(() => {
          if (isOver) lock?.release()
          socket.readyState = CLOSED
          socket.onclose?.({ code })
        })
      },
    }

    let [race] = beginRace(world(), !!adopted, 0)
    const take = ([next, ...effects]: RaceStep): void => {
      race = next
      for (const effect of effects) run(effect)
    }
    const feed = (input: RaceInput): void => {
      if (!life.signal.aborted) take(stepRace(race, input))
    }

    if (former) {
      const { onopen, onmessage, onclose, ondeadline } = former as unknown as RaceSocket
      Object.assign(socket, { onopen, onmessage, onclose, ondeadline })
      former.onclose = null
    }
    if (adopted) lanes.websocket = webSocketLane(adopted, listenerOf('websocket'))
    // In Node there is no `addEventListener`.
    ifPossible(() => {
      listen(globalThis, 'online', () => feed({ type: 'retry' }), life.signal)
      listen(
        globalThis,
        'securitypolicyviolation',
        // Without `enforce` the policy blocks nothing. If the URL is of another origin, some browsers report only its origin.
        ({ blockedURI: uri, disposition }: SecurityPolicyViolationEvent) => {
          for (const kind of kindsOf)
            if (disposition === 'enforce' && [addresses[kind], new URL(addresses[kind]).origin].includes(uri))
              bar(kind)
        },
        life.signal,
      )
    })
    take(beginRace(world(), !!adopted, waited(phase)))
    hasBegun = true
    // A start in the handshake was sent when the attempt began, and the time for its answer began then, too.
    if (adopted?.readyState === OPEN)
      feed({ type: 'opened', kind: 'websocket', waited: protocols.length > 1 ? waited(phase) : 0 })
    return socket as unknown as WebSocket
  }
}
