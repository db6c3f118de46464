import type { ClientFrameOf, GatewayFrame, GatewayFrameOf, Resumption } from '../../protocol/index.js'

/** Why a token is asked for: to start with, because the one in use lapses soon, or because it was refused. */
export type AskReason = 'first' | 'expiring' | 'rejected'

/** What an ask for credentials came to. */
export type Answer = 'fresh' | 'signed-out' | 'nobody' | 'failed'

/** Why something went wrong, as data; `SessionError` is made of it. */
export interface Fault {
  code: string
  message?: string | undefined
  retryable?: boolean | undefined
  retryAfter?: number | undefined
  cause?: unknown
}

/** What `started` told. */
export type Facts = GatewayFrameOf<'started'>

/** Where the attempt's socket is. `until` is when to open one, or when to give this one up. */
export type Line =
  | { at: 'none' }
  /** The page is hidden for good, or until it is shown again. */
  | { at: 'away' }
  /** The page is frozen: it can't speak for itself until it wakes. */
  | { at: 'frozen' }
  | { at: 'pause'; until: number }
  /** Opening with the start in the handshake; opening without; open, but nothing to prove with yet; start sent. */
  | { at: 'calling' | 'opening' | 'open' | 'greeted'; until: number }

/** How far the proof of who the user is has come. One that was asked for is `fresh`, and counts when it is refused. */
export type Proof =
  | { at: 'held' | 'fresh' }
  | { at: 'asked'; reason: AskReason }
  | { at: 'pause'; until: number; reason: AskReason }

/** The fresh token of a live session; `asked` is whether an ask brought it. */
export type Renewal =
  /** It will be asked for. */
  | { at: 'due'; time: number; reason: AskReason }
  | { at: 'asked'; reason: AskReason }
  /** `before` counts those that it took the place of while they were not judged. */
  | { at: 'sent'; asked: boolean; before: number }
  /** The gateway could not judge it: it will be sent again. */
  | { at: 'unjudged'; time: number; asked: boolean }

/** What both a connecting and a live session remember. */
export interface Memory {
  /** Counts sockets: what a former one still says is told apart by it. */
  attempt: number
  /** Attempts that failed since a connection last lived for a while. */
  failures: number
  /** Asks for credentials that came to nothing, in a row. */
  misses: number
  /** Fresh credentials that were refused in a row. */
  refusals: number
  /** The start goes as the first frame: something on the way did not like it in the header. */
  plain: boolean
  /** When the credentials lapse, as far as is known. */
  lapsesAt: number | null
  /** The gateway's last word on this connection: its close follows. */
  farewell: Fault | null
  /** The session to carry on, and the newest message that was seen. */
  cursor: Resumption | null
}

export interface Connecting extends Memory {
  name: 'starting' | 'reconnecting'
  line: Line
  proof: Proof
  /** Why the last attempt failed. */
  error: Fault | null
  facts: Facts | null
}

export interface Active extends Memory {
  name: 'active'
  facts: Facts
  cursor: Resumption
  /** Without a frame until then, the connection is dead. */
  silentAt: number
  /** The device slept through the silence: what waits behind the timer is let in first, once. */
  overslept: boolean
  /** When the connection has lived long enough for its failures to be forgotten. */
  settledAt: number | null
  renewal: Renewal | null
}

export type State =
  | { name: 'idle' }
  | Connecting
  | Active
  | { name: 'ended'; error: Fault | null }
  | { name: 'failed'; error: Fault }

export type Input =
  | { type: 'start'; resume?: Resumption | null | undefined }
  | { type: 'end' }
  /** Credentials were set from outside. */
  | { type: 'credentials' }
  /** Where to get credentials was set, or what no live session can use. */
  | { type: 'source' }
  /** What came of an ask; `cause` is why it failed. */
  | { type: 'answer'; answer: Answer; cause?: unknown }
  | { type: 'opened'; attempt: number }
  | { type: 'frame'; attempt: number; frame: GatewayFrame }
  | { type: 'closed'; attempt: number; close: number }
  /** Trying again would not help: what is at the other end, or between, is not for this client. */
  | { type: 'barred'; attempt: number; fault: Fault }
  /** The page's policy forbade somebody a connection to the same address. */
  | { type: 'blocked'; attempt: number }
  | { type: 'time' }
  /** The network is back, the page is looked at again, or it is no longer frozen. */
  | { type: 'wake' }
  /** The page goes, and may come back from the browser's cache. */
  | { type: 'hide' }
  /** The hidden page stops running, and may be discarded without a word. */
  | { type: 'freeze' }
  /** It came back; `resume` is what another page left meanwhile, null when the session was ended there. */
  | { type: 'shown'; resume?: Resumption | null | undefined }

export type Effect =
  /** Open a socket for `attempt`; with `greeting` the start rides in its handshake. */
  | { do: 'open'; attempt: number; greeting: boolean }
  /** Send the start as a frame. */
  | { do: 'greet' }
  /** Send the newest token on the open connection. */
  | { do: 'renew' }
  | { do: 'send'; frame: ClientFrameOf<'pong' | 'end' | 'history'> }
  /** Let the socket go, without waiting for its close. */
  | { do: 'drop'; close?: number }
  /** Tell the gateway of the end as soon as its handshake is done, in which a start may be under way. */
  | { do: 'leave' }
  | { do: 'ask'; reason: AskReason }
  /** The newest credentials were accepted, or the gateway gave a token to use in their place. */
  | { do: 'keep'; token?: string | undefined }
  /** The newest credentials, or all of them, were refused or have lapsed. */
  | { do: 'discard'; what: 'newest' | 'all' }
  /** Hand a frame to the session, which tells its listeners. */
  | { do: 'deliver'; frame: GatewayFrame }
  /** Tell the listeners of something that is not the end. */
  | { do: 'report'; fault: Fault }

/** What the machine may know of the world at a step. */
export interface World {
  now: number
  /** From 0 up to, but not including, 1. */
  random: number
  /** Credentials are at hand, can be fetched, or must be asked of the page, which may have none. */
  proof: 'held' | 'fetchable' | 'none'
}

export type Step = [State, ...Effect[]]

export const idle: State = { name: 'idle' }

/** When the state wants to be stepped with `time` next. */
export const deadlineOf = (state: State): number | null => {
  const times =
    state.name === 'active'
      ? [
          state.silentAt,
          state.settledAt,
          state.renewal && 'time' in state.renewal ? state.renewal.time : null,
        ]
      : 'line' in state
        ? [
            'until' in state.line ? state.line.until : null,
            state.proof.at === 'pause' ? state.proof.until : null,
          ]
        : []
  const due = times.filter((time) => time !== null)
  return due.length ? Math.min(...due) : null
}

/** When the next attempt is made, if the session waits for one. */
export const retryAtOf = (state: State): number | null =>
  !('line' in state)
    ? null
    : state.line.at === 'pause'
      ? state.line.until
      : state.proof.at === 'pause'
        ? state.proof.until
        : null
