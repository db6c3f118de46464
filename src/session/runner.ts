import { SUBPROTOCOL, type ClientFrame, type ClientFrameOf, type GatewayFrame } from '../protocol/index.js'
import { clock } from './clock.js'
import type { CredentialStore } from './credentials.js'
import { SessionError } from './errors.js'
import { step } from './machine/step.js'
import type { SessionOptions } from './options.js'
import { watchPage, whenVisited } from './page.js'
import type { Shelf } from './resume-storage.js'
import { greeting, openLine, sessionUrl, type Line } from './transport.js'
import { deadlineOf, idle, type Effect, type Fault, type Input, type State } from './machine/state.js'

/** What a runner needs to know of its session, and tells it. */
export interface Host {
  credentials: CredentialStore
  startFrame(): ClientFrameOf<'start'>
  /** Where pages leave the session for one another, if they can. */
  shelf: Shelf | undefined
  /** After each step, when all its effects are done. */
  changed(before: State, after: State): void
  deliver(frame: GatewayFrame): void
  report(error: SessionError): void
}

export interface Runner {
  state(): State
  /** Whether there is anything to end: the session was started and is not over. */
  alive(): boolean
  start(): void
  /** Ends the session; resolves when its socket is closed. */
  end(): Promise<void>
  /** New credentials are in the store, or where to get them. */
  credentialsSet(what: 'credentials' | 'source'): void
  /** Sends a frame if the session is active, and answers whether it is. */
  send(frame: ClientFrame): boolean
}

/** Feeds the machine and does what it says: sockets, one timer, the page, asks. It holds no opinion of its own. */
export const createRunner = (
  { endpoint, WebSocket: given }: Pick<SessionOptions, 'endpoint' | 'WebSocket'>,
  host: Host,
): Runner => {
  const { credentials, shelf } = host
  let state = idle
  /** Everything that one life of the session holds ends with it: listeners, timers, asks. */
  let life = new AbortController()
  life.abort()
  let wait: (deadline: number | null) => void = () => undefined
  let line: Line | undefined
  /** What was opened last, or was to be. */
  let address: string | undefined
  let closing: Promise<void> | undefined
  /** What came while a step was being worked on. */
  let waiting: Input[] | undefined

  const begin = (): void => {
    life = new AbortController()
    wait = clock(() => feed({ type: 'time' }), life.signal)
    watchPage(
      {
        woken: () => feed({ type: 'wake' }),
        hidden: () => feed({ type: 'hide' }),
        frozen: () => feed({ type: 'freeze' }),
        shown(mayWait) {
          const resume = shelf?.take()
          // What this page left is gone: the page that took it is about to leave what it has.
          if (shelf && resume === undefined && mayWait) return false
          feed({ type: 'shown', resume })
          return true
        },
        blocked,
      },
      life.signal,
    )
  }

  /** Of an address elsewhere some browsers tell the origin alone. */
  const blocked = (uri: string): void => {
    if (address && [address, new URL(address).origin].includes(uri) && 'attempt' in state)
      feed({ type: 'blocked', attempt: state.attempt })
  }

  const bar = (fault: Fault): void => {
    if ('attempt' in state) feed({ type: 'barred', attempt: state.attempt, fault })
  }

  const open = (attempt: number, early: boolean): void => {
    if (!endpoint) return bar({ code: 'no-endpoint' })
    const WebSocketClass = given ?? (globalThis as Partial<typeof globalThis>).WebSocket
    if (!WebSocketClass) return bar({ code: 'no-websocket' })
    const start = early ? greeting(host.startFrame()) : undefined
    try {
      address = sessionUrl(endpoint)
      line = openLine(WebSocketClass, address, start ?? [SUBPROTOCOL], {
        opened() {
          // A start that is too long for a header is the first frame instead.
          if (early && !start) line?.send(host.startFrame())
          feed({ type: 'opened', attempt })
        },
        frame: (frame) => feed({ type: 'frame', attempt, frame }),
        garbled: () => feed({ type: 'barred', attempt, fault: { code: 'protocol-error' } }),
        closed: (close) => feed({ type: 'closed', attempt, close }),
      })
    } catch (cause) {
      // Firefox and WebKit throw what a policy forbids, and tell of the policy after that.
      setTimeout(() => feed({ type: 'barred', attempt, fault: { code: 'bad-endpoint', cause } }))
    }
  }

  const run = (effect: Effect, tell: (what: () => void) => void): void => {
    switch (effect.do) {
      case 'open':
        return open(effect.attempt, effect.greeting)
      case 'greet':
        return line?.send(host.startFrame())
      case 'renew':
        return line?.send({ type: 'token', token: credentials.token() })
      case 'send':
        return line?.send(effect.frame)
      case 'drop':
        closing = line?.close(effect.close)
        line = undefined
        return
      case 'leave':
        closing = line?.leave()
        line = undefined
        return
      case 'ask':
        return credentials.ask(effect.reason, life.signal, (answer, cause) =>
          feed({ type: 'answer', answer, cause }),
        )
      case 'keep':
        return credentials.keep(effect.token)
      case 'discard':
        return credentials.discard(effect.what)
      case 'deliver':
        return tell(() => host.deliver(effect.frame))
      case 'report':
        return tell(() => host.report(new SessionError(effect.fault.code, effect.fault)))
    }
  }

  /** Inputs are taken one after the other; listeners hear of them when all is done, and may feed anew. */
  const feed = (input: Input): void => {
    if (waiting) return void waiting.push(input)
    const inputs = (waiting = [input])
    const news: (() => void)[] = []
    for (let next = inputs.shift(); next; next = inputs.shift()) {
      const before = state
      const proof = credentials.proof() ? 'held' : credentials.fetchable() ? 'fetchable' : 'none'
      const [after, ...effects] = step(before, next, { now: Date.now(), random: Math.random(), proof })
      state = after
      if ('line' in after && life.signal.aborted) begin()
      news.push(() => host.changed(before, after))
      for (const effect of effects) run(effect, (what) => news.push(what))
    }
    waiting = undefined
    wait(deadlineOf(state))
    if (state.name === 'ended' || state.name === 'failed') life.abort()
    for (const tell of news) tell()
  }

  return {
    state: () => state,
    alive: () => !life.signal.aborted,
    start() {
      begin()
      whenVisited(() => feed({ type: 'start', resume: shelf?.take() }), life.signal)
    },
    async end() {
      feed({ type: 'end' })
      await closing
    },
    credentialsSet: (type) => feed({ type }),
    send(frame) {
      const active = state.name === 'active'
      if (active) line?.send(frame)
      return active
    },
  }
}
