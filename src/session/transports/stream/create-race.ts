import { SUBPROTOCOL, type ClientCode, type ClientFrameOf } from '../../../protocol/index.js'
import { deadlineTimer, now } from '../../clock.js'
import { errorMessageOf } from '../../error-message.js'
import { ifPossible } from '../../if-possible.js'
import { ATTEMPT_TIMEOUT } from '../../machine/connecting.js'
import type { Fault, SocketPhase } from '../../machine/state.js'
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

/** What the session uses of a WebSocket. */
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

/**
 * Whether a gateway's frame says that it has heard nothing on a connection. A session that notices the loss itself has no frame.
 */
const isUnheard = (frame: Partial<RaceFrame> | Fault | null): boolean =>
  !!frame && 'type' in frame && frame.code === 'timeout'

/** Returns for how many milliseconds an attempt has been under way. */
const waited = (phase: SocketPhase | undefined): number =>
  phase && 'until' in phase ? ATTEMPT_TIMEOUT - (phase.until - now()) : 0

/**
 * Returns what opens a session's attempts from then on: by a WebSocket, a stream or both. To the session each attempt is one WebSocket.
 * The parameters have no names at the call, because that is in the script of every page.
 *
 * @param transports what the session may use; both if it is undefined
 * @param startFrame makes the start of the session as it is
 * @param failures how many attempts have failed in a row, or did not last
 * @param sleeps whether the session lets its connection go by itself while its page is hidden
 * @param error why the last connection was lost
 */
export const createRace = (
  CustomWebSocket: typeof WebSocket | undefined,
  transports: readonly string[] | string | null | undefined,
  startFrame: () => Start,
  failures: number,
  sleeps: boolean | null | undefined,
  error: Fault | null,
): OpenSocket => {
  const named = kindsOf.filter((kind) => transports?.includes(kind))
  const wanted = named.length ? named : kindsOf
  /** What the page's policy blocks, and the stream if the gateway has none: a page tries that again only if it may use nothing else. */
  const barred = new Set<TransportKind>()
  let isAbsent = false
  /** What worked in this tab before; undefined before the first attempt. */
  let worked: Memory | 'websocket' | null | undefined
  /** The key that both attempts of a race had, if the start of the one that lost came last. */
  let contestedKey: string | undefined
  let lock: ConnectionLock | undefined

  const kinds = (): TransportKind[] =>
    wanted.filter((kind) => !barred.has(kind) && !(isAbsent && kind === 'stream' && wanted.length > 1))

  return (address, protocols, former, phase) => {
    const isUnderWay = !phase || ('until' in phase && phase.at !== 'backoff')
    // The attempt is over, or is just ending.
    if (former && (!isUnderWay || former.readyState === CLOSING)) return former
    /** The WebSocket of the attempt, which is opening or open. Chrome reports no close of one that the page's policy blocks. */
    const adopted = former && former.readyState < CLOSING ? former : undefined
    const url = address.replace(/^ws/, 'http')
    const addresses = { websocket: address, stream: `${url}/stream` }
    const life = new AbortController()
    const lanes: Record<TransportKind, Lane | undefined> = { websocket: undefined, stream: undefined }
    const timers: Partial<Record<Wait, (deadline: number) => void>> = {}
    if (worked === undefined) {
      // Without a storage the session to resume is one of this page, and a stream would have loaded this part.
      const hadSession = !!startFrame().resume
      worked = recall(address) ?? (hadSession ? 'websocket' : null)
      if (isUnheard(error)) worked = worked === 'websocket' ? null : worked
      // Connections that were lost soon are no failures: their WebSockets have opened.
      else if (hadSession) failures = 0
    }

    const world = (): RaceWorld => ({ kinds: kinds(), worked: worked ?? null, failures })

    /** The start of this attempt, with the key that is good after a race. */
    const own = (frame: Start): Start => {
      const { resume } = frame
      return resume && contestedKey ? { ...frame, resume: { ...resume, key: contestedKey } } : frame
    }
    const isSent = phase?.at === 'start-sent'
    let start = isSent || protocols.length > 1 ? own(startFrame()) : undefined
    /** Whether the WebSocket has the start: its handshake had it, or it was sent. */
    let hasStart = !!start
    /** Whether the session knows that the connection is open. It sends the start then, unless the handshake had it. */
    let isOpen = isSent || phase?.at === 'open'
    let hasBrought = false
    let hasBegun = false
    /** Whether the gateway has answered the session on this connection. */
    let isHeard = false
    /** Whether the session ends. */
    let isOver = false
    /** What waits for the start. */
    let waiting: ((start: Start) => void)[] = []

    const whenStart = (use: (start: Start) => void): void => {
      if (start) use(start)
      else waiting.push(use)
      if (isOpen) return
      isOpen = true
      // The session may have to set its handlers first.
      queueMicrotask(() => life.signal.aborted || socket.onopen?.())
    }

    /** Every further attempt would fail in the same way: ends the session as a gateway would. */
    const fail = (code: ClientCode, cause = ''): void => {
      if (life.signal.aborted) return
      life.abort()
      for (const kind of kindsOf) void drop(kind)
      const ended = { type: 'ended', code, message: errorMessageOf(code) + cause, retryable: false }
      // The session may have to set its handlers first.
      queueMicrotask(() => {
        socket.onmessage?.({ data: JSON.stringify(ended) })
        socket.onclose?.({ code: POLICY_VIOLATION })
      })
    }

    /** The page's policy blocked a connection to an address of the gateway, perhaps one of another script. */
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
        // The session says what is wrong with it.
        if (typeof frame?.type !== 'string') socket.onmessage?.({ data: json })
        else feed({ type: 'frame', kind, frame: { ...(frame as RaceFrame), json, by: kind } })
      },
      closed(code) {
        const closed = (): void => feed({ type: 'closed', kind, code })
        // Browsers dispatch the event of a policy after the close of the WebSocket.
        if (race[kind] === 'opening') setTimeout(closed)
        else closed()
      },
    })

    const openWebSocket = (): void => {
      // A WebSocket that is tried again has its start as the first frame: a proxy may have refused the header.
      const offered = hasStart && !hasBegun && start ? startProtocols(start) : undefined
      hasStart = !!offered
      try {
        const WebSocketClass = CustomWebSocket ?? (globalThis as Partial<typeof globalThis>).WebSocket
        if (!WebSocketClass) return fail('no-websocket')
        const opening = new WebSocketClass(address, offered ?? [SUBPROTOCOL])
        lanes.websocket = webSocketLane(opening, listenerOf('websocket'))
      } catch (cause) {
        // Firefox and WebKit throw when the page's policy blocks the connection, and dispatch the policy's event after that.
        setTimeout(() => {
          if (race.websocket === 'none') return
          if (hasBrought) feed({ type: 'closed', kind: 'websocket', code: LOST })
          else fail('bad-endpoint', ` (${String(cause)})`)
        })
      }
    }

    const beginStream = (): void => {
      if (life.signal.aborted) return
      lock ??= createConnectionLock(new URL(url).origin, !!sleeps)
      lanes.stream = openStream({
        url,
        start: () => own(startFrame()),
        lock,
        listener: listenerOf('stream'),
        onAbsent: () => (isAbsent = true),
        onQueue(isQueued) {
          // The wait for other tabs is no failure of the attempt.
          if (!race.winner) socket.ondeadline?.(isQueued ? Infinity : now() + ATTEMPT_TIMEOUT)
          feed({ type: 'queued', isQueued })
        },
      })
    }

    /** Hands a frame to the session. `started` says what carries the session, unless it is a WebSocket. */
    const pass = (frame: RaceFrame): void => {
      const { type, json, by } = frame
      hasBrought = true
      const { winner } = race
      isHeard ||= answers.includes(type)
      // Nothing gets up by a WebSocket, though its handshake did, or its start.
      const isFailure = type === 'ended' && by === 'websocket' && !isHeard && isUnheard(frame)
      failures = isFailure ? failures + 1 : 0
      if (isFailure && winner) worked = null
      // The gateway was reached by the stream alone.
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
          // The session has received more since its first start.
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
        // The session has been told that the connection is open: its first frame is the start.
        start = own(JSON.parse(json) as Start)
        for (const use of waiting.splice(0)) use(start)
      },
      close(code = 1000) {
        // The session gave the attempt up, or leaves its page.
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
    // Node has no such events.
    ifPossible(() => {
      addEventListener('online', () => feed({ type: 'retry' }), { signal: life.signal })
      addEventListener(
        'securitypolicyviolation',
        // A policy that only reports blocks nothing. For a cross-origin URL some browsers report only the origin.
        ({ blockedURI: uri, disposition }) => {
          for (const kind of kindsOf)
            if (disposition === 'enforce' && [addresses[kind], new URL(addresses[kind]).origin].includes(uri))
              bar(kind)
        },
        { signal: life.signal },
      )
    })
    take(beginRace(world(), !!adopted, waited(phase)))
    hasBegun = true
    // A start in the handshake was sent when the attempt began.
    if (adopted?.readyState === OPEN)
      feed({ type: 'opened', kind: 'websocket', waited: protocols.length > 1 ? waited(phase) : 0 })
    return socket as unknown as WebSocket
  }
}
