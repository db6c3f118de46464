import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { EngineError, profileOf, type Engine } from '../engine/index.js'
import {
  clientFrames,
  ends,
  isRetryable,
  limits,
  parse,
  sentences,
  type ClientFrameOf,
  type EndCode,
  type GatewayFrame,
} from '../protocol/index.js'
import { admit, type Peer } from './admission.js'
import type { App } from './app.js'
import type { Settings } from './config.js'
import type { Hub } from './hub.js'
import { createLiveSession, type LiveSession, type SessionFrame } from './live-session.js'
import type { Log } from './log.js'
import { at } from './timer.js'

/** The far end of one WebSocket. */
export interface Wire {
  send(text: string): void
  /** Starts the closing handshake. */
  close(code: number, reason: string): void
}

/** What all connections of a gateway share. */
export interface Context {
  settings: Pick<Settings, 'pingInterval' | 'startTimeout'>
  /** The apps by id, once the engine is open. */
  apps(): Promise<ReadonlyMap<string, App>>
  engine: Engine
  hub: Hub
  log: Log
}

/** One connection, as its socket feeds it. */
export interface Connection {
  /** A text frame of so many bytes. */
  receive(text: string, bytes: number): void
  /** Tells the client why, and closes. */
  end(code: EndCode, why?: string): void
  /** The socket is closed. */
  closed(): void
}

type Phase =
  /** Until `started` is sent: frames that come meanwhile wait. */
  | { name: 'opening'; starting: boolean; frames: SessionFrame[]; bytes: number }
  | { name: 'live'; session: LiveSession }
  | { name: 'over' }

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
  const { settings, engine, hub, log } = context
  let phase: Phase = { name: 'opening', starting: false, frames: [], bytes: 0 }
  const connectionId = randomUUID()
  /** When the last frame came, on the clock that nobody sets. */
  let heard = performance.now()

  /** A function, since the phase may be another after each wait. */
  const opening = () => (phase.name === 'opening' ? phase : undefined)

  const send = (frame: GatewayFrame): void => {
    if (phase.name !== 'over') wire.send(JSON.stringify(frame))
  }

  const end = (code: EndCode, why: string = sentences[code]): void => {
    if (phase.name === 'over') return
    send({ type: 'ended', code, message: why, retryable: isRetryable(code) })
    wire.close(ends[code], code)
    leave(code)
  }

  /** Frees everything that the connection holds. */
  const leave = (code: EndCode): void => {
    const left = phase
    phase = { name: 'over' }
    deadline.cancel()
    clearTimeout(beat)
    gone()
    if (left.name !== 'live') return
    left.session.release()
    hub.remove(left.session)
    attempt(engine.endSession(left.session.ref, code, connectionId))
  }

  const attempt = (work: Promise<unknown>): void => {
    work.catch((err: unknown) => {
      log[err instanceof EngineError ? 'warn' : 'error']({ err }, 'a connection failed')
      end('unavailable')
    })
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
    const { app, userId, guest, vouched, claimed, token } = admitted
    const user = { appId: frame.appId, userId }
    // Whoever left while they were verified leaves no trace, and takes no session's place.
    if (!opening()) return
    const saved = await engine.saveUser(user, { vouched, claimed })
    if (!opening()) return
    const { sessionsPerUser } = app.settings.limits
    const resumeKey = random()
    const record = await engine.startSession({
      ...user,
      guest,
      connectionId,
      keyHash: createHash('sha256').update(resumeKey).digest('base64url'),
      holdFor: 0,
      sessionsPerUser,
    })
    const waited = opening()
    if (!waited) {
      await engine.endSession(record, 'ended', connectionId)
      return
    }
    const ref = { ...user, sessionId: record.sessionId }
    const session = createLiveSession(engine, admitted, ref, { send, end, attempt })
    phase = { name: 'live', session }
    hub.add(session)
    deadline.cancel()
    log.debug(ref, 'session started')
    send({
      type: 'started',
      sessionId: ref.sessionId,
      user: { ...profileOf(saved.user), id: userId },
      guest,
      resumed: false,
      resumeKey,
      // No session is held yet, and no message is kept.
      resumeWindow: 0,
      epoch: random(),
      offset: 0,
      lost: frame.resume !== undefined,
      unread: 0,
      expiresIn: session.expiresIn(),
      pingInterval: settings.pingInterval,
      sendWindow: 0,
      ...(token !== undefined && { token }),
    })
    for (const waiting of waited.frames) session.handle(waiting)
  }

  const deadline = at(Date.now() + settings.startTimeout, () =>
    end('timeout', 'The start did not come, or was not settled, in time.'),
  )

  /** Pings until the other side has been silent for two intervals, and not a moment longer. */
  const listen = (): void => {
    const patience = heard + 2 * settings.pingInterval - performance.now()
    if (patience <= 0) return end('timeout')
    send({ type: 'ping' })
    beat = setTimeout(listen, Math.min(settings.pingInterval, patience)).unref()
  }
  let beat = setTimeout(listen, settings.pingInterval).unref()

  return {
    end,
    closed() {
      if (phase.name !== 'over') leave('ended')
    },
    receive(text, bytes) {
      if (phase.name === 'over') return
      heard = performance.now()
      if (bytes > limits.frame) return end('too-large', `A frame has at most ${limits.frame} bytes.`)
      const parsed = parse(clientFrames, text)
      if (!parsed.ok) return end('bad-request', parsed.why)
      const { frame } = parsed
      if (phase.name === 'live')
        return frame.type === 'start'
          ? end('bad-request', 'A connection starts once.')
          : phase.session.handle(frame)
      if (frame.type === 'start') {
        if (phase.starting) return end('bad-request', 'A connection starts once.')
        phase.starting = true
        return attempt(start(frame))
      }
      phase.bytes += bytes
      if (phase.bytes > limits.frame)
        return end('too-large', `At most ${limits.frame} bytes wait for the start.`)
      phase.frames.push(frame)
    },
  }
}

const random = (): string => randomBytes(18).toString('base64url')
