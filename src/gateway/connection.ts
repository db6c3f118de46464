import { randomUUID } from 'node:crypto'
import { EngineError } from '../engine/index.js'
import {
  clientFrames,
  ends,
  isRetryable,
  limits,
  parse,
  sentences,
  verdictOf,
  type ClientFrameOf,
  type EndCode,
  type GatewayFrame,
} from '../protocol/index.js'
import { admit, type Peer } from './admission.js'
import type { App } from './app.js'
import type { Settings } from './config.js'
import type { Hub } from './hub.js'
import type { Line, Wire } from './line.js'
import {
  createLiveSession,
  type LiveSession,
  type Parting,
  type SessionContext,
  type SessionFrame,
} from './live-session.js'
import { at } from './timer.js'

/** What all connections of a gateway share. */
export interface Context extends SessionContext {
  settings: SessionContext['settings'] & Pick<Settings, 'startTimeout' | 'leaveWindow'>
  /** The apps by id, once the engine is open. */
  apps(): Promise<ReadonlyMap<string, App>>
  hub: Hub
  /** Milliseconds in which to come again, while the gateway takes no new sessions; null while it does. */
  retryAfter(): number | null
}

/** One connection, as its socket feeds it. */
export interface Connection {
  /** A text frame of so many bytes. */
  receive(text: string, bytes: number): void
  /** Tells the client why, and closes. */
  end(code: EndCode, why?: string, retryAfter?: number): void
  /** Ends it as `unavailable`, once what the client has asked for is answered; hears nothing more of it. */
  drain(retryAfter: number): void
  /** The socket is closed, with this code. */
  closed(code: number): void
}

type Phase =
  /** Until `started` is sent: frames that come meanwhile wait. */
  | { name: 'opening'; session?: LiveSession; starting: boolean; frames: SessionFrame[]; bytes: number }
  | { name: 'live'; session: LiveSession; draining: boolean }
  | { name: 'over' }

/** How a browser closes when it leaves the page, and how a client does that lets go of a hidden one. */
const LEFT = [1001, 4000]

/**
 * The life of one connection, from the handshake to its close: it waits for a start, has it verified, and carries the
 * user's session until either side ends it. What goes wrong here stays here.
 */
export const createConnection = (
  context: Context,
  wire: Wire,
  peer: Peer,
  /** Called once, when the connection is over. */
  gone: () => void,
): Connection => {
  const { settings, hub, log } = context
  let phase: Phase = { name: 'opening', starting: false, frames: [], bytes: 0 }
  const connectionId = randomUUID()
  /** When the last frame came, on the clock that nobody sets. */
  let heard = performance.now()
  /** What asked for a `pong`, and how much of it is answered: `started` and, never before it, pings. */
  let pings = 0
  let pongs = 0

  /** A function, since the phase may be another after each wait. */
  const opening = () => (phase.name === 'opening' ? phase : undefined)

  const send = (frame: GatewayFrame): void => {
    if (phase.name !== 'over') wire.send(JSON.stringify(frame))
  }

  const ping = (): number => {
    send({ type: 'ping' })
    return ++pings
  }

  const end = (code: EndCode, why: string = sentences[code], retryAfter?: number): void => {
    if (phase.name === 'over') return
    send({
      type: 'ended',
      code,
      message: why,
      retryable: isRetryable(code),
      ...(retryAfter !== undefined && { retryAfter }),
    })
    wire.close(ends[code], code)
    // Who may come again finds the session still there.
    leave(verdictOf(ends[code]) === 'retry' ? { holdFor: settings.resumeWindow } : { code })
  }

  /** Frees everything that the connection holds. */
  const leave = (parting: Parting): void => {
    const session = phase.name === 'over' ? undefined : phase.session
    phase = { name: 'over' }
    deadline.cancel()
    clearTimeout(beat)
    gone()
    if (!session) return
    hub.remove(session)
    session.release(parting)
  }

  const attempt = (work: Promise<unknown>): void => {
    work.catch((err: unknown) => {
      log[err instanceof EngineError ? 'warn' : 'error']({ err }, 'a connection failed')
      end('unavailable')
    })
  }

  const line: Line = {
    connectionId,
    send,
    end,
    attempt,
    ping,
    hasAnswered: (number) => number <= pongs,
    answersPings: () => pongs > 0,
    drained: () => wire.drained(),
    isFull: () => wire.isFull(),
  }

  const start = async (frame: ClientFrameOf<'start'>): Promise<void> => {
    const apps = await context.apps()
    const admitted = await admit(apps, frame, peer)
    if (!admitted.ok) {
      const { code, why, trace } = admitted
      // An id that no app has may be anything, a token too: it is not for the log.
      const appId = apps.has(frame.appId) ? frame.appId : undefined
      if (opening())
        log[trace ? 'error' : 'info']({ appId, code, why, trace, address: peer.address }, 'start refused')
      return end(code, why)
    }
    const waiting = opening()
    // Whoever left while they were verified leaves no trace, and takes no session's place.
    if (!waiting) return
    const session = createLiveSession(context, admitted, line)
    waiting.session = session
    // Before anything of the user's is read: what changes meanwhile is not missed.
    hub.add(session)
    if (!(await session.start(frame.resume))) return
    phase = { name: 'live', session, draining: false }
    deadline.cancel()
    pings = 1
    // To verify the user may have taken long: the silence meanwhile was not the client's.
    heard = performance.now()
    beat = setTimeout(listen, settings.pingInterval).unref()
    log.debug(session.ref(), 'session started')
    for (const early of waiting.frames) session.handle(early)
  }

  const deadline = at(Date.now() + settings.startTimeout, () =>
    end('timeout', 'The start did not come, or was not settled, in time.'),
  )

  /** Pings until the other side has been silent for two intervals, and not a moment longer. */
  const listen = (): void => {
    const patience = heard + 2 * settings.pingInterval - performance.now()
    if (patience <= 0) return end('timeout')
    ping()
    beat = setTimeout(listen, Math.min(settings.pingInterval, patience)).unref()
  }
  let beat: NodeJS.Timeout | undefined

  return {
    end,
    drain(retryAfter) {
      const going = (): void => end('unavailable', 'The gateway restarts or stops.', retryAfter)
      if (phase.name !== 'live') return going()
      phase.draining = true
      void phase.session.settled().then(going)
    },
    closed(code) {
      const { leaveWindow, resumeWindow } = settings
      if (phase.name !== 'over') leave({ holdFor: LEFT.includes(code) ? leaveWindow : resumeWindow })
    },
    receive(text, bytes) {
      if (phase.name === 'over') return
      heard = performance.now()
      if (bytes > limits.frame) return end('too-large', `A frame has at most ${limits.frame} bytes.`)
      const parsed = parse(clientFrames, text)
      if (!parsed.ok) return end('bad-request', parsed.why)
      const { frame } = parsed
      if (frame.type === 'pong') pongs = Math.min(pings, pongs + 1)
      if (phase.name === 'live') {
        if (frame.type === 'start') return end('bad-request', 'A connection starts once.')
        // What is not answered any more is sent again by a client that comes again.
        if (phase.draining) return
        phase.session.heard()
        return phase.session.handle(frame)
      }
      if (frame.type === 'start') {
        if (phase.starting) return end('bad-request', 'A connection starts once.')
        phase.starting = true
        const retryAfter = context.retryAfter()
        if (retryAfter !== null) return end('unavailable', undefined, retryAfter)
        return attempt(start(frame))
      }
      phase.bytes += bytes
      if (phase.bytes > limits.frame)
        return end('too-large', `At most ${limits.frame} bytes wait for the start.`)
      phase.frames.push(frame)
    },
  }
}
