// Clients that use only docs/PROTOCOL.md: their sessions start, resume, are left and end, many in a row.
import { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openClient, type Frame } from '../../support/raw-client.js'
import { appId, tokenFor } from '../../support/tokens.js'

/** After this many milliseconds a session can still be resumed: they are fewer than RESUME_WINDOW. */
const AWAY_AT_MOST = 4_000
/** How often a visitor tries to start. A gateway that was killed or stopped meanwhile costs one try. */
const ATTEMPTS = 20
/** Milliseconds that an attempt has: a gateway may be stopped. */
const ATTEMPT_TIME = 5_000

export interface Visitors {
  /** The ids of the sessions whose clients got `started`. */
  readonly sessions: ReadonlySet<string>
  /** Faults, as sentences. */
  readonly faults: string[]
  /** Resolves when the last visitor has left. */
  stop(): Promise<void>
}

interface Started {
  frame: Frame
  /** Sends a frame and closes, or just closes. */
  leave(frame?: Frame): void
}

const attempt = async (endpoint: string, start: unknown): Promise<Started | undefined> => {
  const client = openClient(endpoint, { start })
  const frame = await Promise.race([
    client.next().catch(() => undefined),
    pause(ATTEMPT_TIME, undefined, { ref: false }),
  ])
  if (frame?.type !== 'started') {
    client.close()
    return undefined
  }
  return {
    frame,
    leave(last) {
      if (last) client.socket.send(JSON.stringify(last), () => client.close())
      else client.close()
    },
  }
}

const startSession = async (endpoint: string, start: unknown): Promise<Started | undefined> => {
  for (let n = 0; n < ATTEMPTS; n++) {
    const started = await attempt(endpoint, start)
    if (started) return started
    await pause(100)
  }
  return undefined
}

/** Visitors come one after the other in `lanes` lanes until `stop`. */
export const startVisitors = (endpoint: string, lanes: number, random: () => number): Visitors => {
  const sessions = new Set<string>()
  const faults: string[] = []
  const stop = new AbortController()
  after(() => stop.abort())

  const visit = async (userId: string): Promise<void> => {
    const start = { type: 'start', appId, token: await tokenFor(userId) }
    const first = await startSession(endpoint, start)
    if (!first) return void faults.push(`${userId} could not start a session`)
    const { sessionId, resumeKey, epoch } = first.frame
    sessions.add(String(sessionId))
    await pause(500 * random())
    const choice = random()
    if (choice < 0.3) return first.leave({ type: 'end' })
    first.leave()
    if (choice < 0.6) return
    await pause(random() < 0.5 ? 0 : AWAY_AT_MOST * random())
    const resume = { key: resumeKey, epoch, offset: 0 }
    const second = await startSession(endpoint, { ...start, resume })
    if (!second) return void faults.push(`${userId} could not resume a session`)
    if (second.frame['sessionId'] !== sessionId || second.frame['resumed'] !== true)
      faults.push(`${userId} came back inside the resume window and got another session`)
    sessions.add(String(second.frame['sessionId']))
    if (random() < 0.5) second.leave({ type: 'end' })
    else second.leave()
  }
  const lane = async (name: number): Promise<void> => {
    for (let n = 0; !stop.signal.aborted; n++) await visit(`visitor-${name}-${n}`)
  }
  const running = Array.from({ length: lanes }, (_, name) => lane(name))
  return {
    sessions,
    faults,
    async stop() {
      stop.abort()
      await Promise.all(running)
    },
  }
}
