import type { ClientFrame, GatewayFrameOf } from '../protocol/index.js'
import type { CredentialStore } from './credentials/credentials.js'
import { hasMadeRoom } from './machine/inactive.js'
import { deadlineOf, isConnecting, isOver } from './machine/selectors.js'
import { idle } from './machine/state.js'
import { step } from './machine/step.js'
import type { AnswerType, Effect, Fault, Input, InputOf, Position, State, World } from './machine/state.js'
import type { SessionOptions } from './options.js'
import { isPageHidden, onActivated, watchPage } from './page.js'
import type { ResumeStorage } from './storage/resume-key.js'
import { traceStep } from './trace.js'
import { createAttempts } from './transports/attempts.js'
import type { StartFrame } from './transports/connection.js'
import { deadlineTimer, now } from './util/clock.js'

/** The values and callbacks that a session passes to its runner. */
interface Host {
  credentials: CredentialStore
  startFrame: () => StartFrame
  /** Posts the messages that wait. */
  postSends: () => void
  /** Stores the session between two pages. */
  resumeStorage: ResumeStorage
  /** Returns the position up to which a server drew the page; undefined once a session has started. */
  since(): Position | undefined
  /** Called once for each step, when no input is queued any more. The frames and errors of the step are delivered after this call. */
  changed(before: State, after: State): void
  deliver(frame: GatewayFrameOf<'message' | AnswerType>): void
  emitError: (fault: Fault) => void
}

export interface Runner {
  state(): State
  /** Returns whether the session was started and has not ended or failed. */
  isRunning(): boolean
  start(): void
  /** Ends the session; resolves when its connection is closed. */
  end(): Promise<void>
  /** Feeds the machine an input of the session or its page. */
  feed(input: InputOf<'credentials' | 'source' | 'wake' | 'leave' | 'told'>): void
  /** Sends a frame if the session is active, and returns whether it is. */
  send(frame: ClientFrame): boolean
}

/**
 * Feeds inputs to the state machine (machine/step.ts) and runs its effects: it makes attempts to connect, sets one timer and fetches
 * tokens. The machine makes all decisions except when to load the race.
 */
export const createRunner = (
  options: Pick<SessionOptions, 'endpoint' | 'WebSocket' | 'transports' | 'trace' | 'sleep'>,
  host: Host,
): Runner => {
  const { credentials, resumeStorage } = host
  let state: State = idle
  /**
   * When this controller aborts, the listeners for events of the page are removed, and a fetch is cancelled. It aborts when the session is
   * over, unless the session will start again when its page becomes visible (`hasMadeRoom`).
   */
  let lifetime = new AbortController()
  lifetime.abort()
  /** Inputs that came while a step was running; undefined while no step runs. */
  let queue: Input[] | undefined

  /** Resolves when the connection that was closed last is closed. */
  let closing: Promise<void> | undefined

  const attempts = createAttempts(options, {
    ...host,
    state: () => state,
    feed: (input) => feed(input),
  })

  const begin = (): void => {
    lifetime.abort()
    lifetime = new AbortController()
    watchPage(feed, () => resumeStorage.take(), lifetime.signal)
  }

  const world = (): World => ({
    now: now(),
    random: Math.random(),
    hidden: isPageHidden(),
    credentials: credentials.held() ? 'held' : credentials.fetchable() ? 'fetchable' : 'none',
    since: host.since(),
  })

  /** `defer` takes what has to wait until no input is queued any more. */
  const run = (effect: Effect, defer: (callback: () => void) => void): void => {
    switch (effect.do) {
      case 'open':
        return attempts.open(effect.withStart)
      case 'send-start':
        return attempts.send(host.startFrame())
      case 'send-token':
        return attempts.send({ type: 'token', token: credentials.held()?.fields.token ?? '' })
      case 'send':
        return attempts.send(effect.frame)
      case 'post-sends':
        return host.postSends()
      case 'close':
        closing = attempts.close(effect.code)
        return
      case 'end-after-open':
        closing = attempts.endAfterOpen()
        return
      case 'fetch-token':
        return void credentials.fetch(effect.reason, lifetime.signal, (result) =>
          feed({ type: 'fetch-result', ...result }),
        )
      case 'accept-credentials':
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
      const [after, ...effects] = step(before, next, world())
      state = after
      traceStep(options.trace, { input: next, before, after, effects })
      if (isConnecting(after) && lifetime.signal.aborted) begin()
      callbacks.push(() => host.changed(before, after))
      for (const effect of effects) run(effect, (callback) => callbacks.push(callback))
    }
    queue = undefined
    if (isOver(state)) {
      attempts.stop()
      if (!hasMadeRoom(state)) lifetime.abort()
    }
    setDeadline(deadlineOf(state))
    for (const callback of callbacks) callback()
  }

  const setDeadline = deadlineTimer(() => feed({ type: 'time' }))

  return {
    state: () => state,
    isRunning: () => !lifetime.signal.aborted && !isOver(state),
    start() {
      begin()
      onActivated(() => feed({ type: 'start', stored: resumeStorage.take() }), lifetime.signal)
    },
    async end() {
      feed({ type: 'end' })
      await closing
    },
    feed,
    send(frame) {
      const isActive = state.name === 'active'
      if (isActive) attempts.send(frame)
      return isActive
    },
  }
}
