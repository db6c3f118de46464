import type { GatewayFrame, GatewayFrameOf } from '../../../protocol/index.js'
import { raceWaits } from '../../machine/waits.js'
import { LOST } from '../connection.js'

/*
 * The race of a WebSocket and a stream as a pure function: stepRace(race, input) returns the next race and the effects to run. To the
 * session both look like one attempt. The first `started` wins, not the first connection, because a proxy may open WebSockets and swallow
 * their frames.
 */

export type TransportKind = 'websocket' | 'stream'

export const transportKinds = ['websocket', 'stream'] as const

/** The state of one transport's connection. `open`: the start was sent on it. */
export type Lane = 'none' | 'opening' | 'open'

/** The facts that are known before an attempt. */
export interface RaceWorld {
  /** The transports that the page may use. */
  readonly kinds: readonly TransportKind[]
  /** What carried a session in this tab before. `only`: a stream did, and the WebSockets that opened brought no frame. */
  readonly worked: TransportKind | 'only' | null
  /** How many attempts in a row brought no frame. */
  readonly failures: number
}

/** The WebSocket of an attempt that was under way when the race was loaded. It has been opening for `waited` milliseconds. */
export interface Adopted {
  readonly waited: number
}

export interface Race {
  readonly websocket: Lane
  readonly stream: Lane
  /** The transport that carries the session; null before the first `started`. */
  readonly winner: TransportKind | null
  /**
   * What happens if the WebSocket takes too long. `stream`: a stream is begun. `fail`: the attempt fails, because a WebSocket has worked in
   * this tab before, so the gateway itself may be down. `nothing`: there are no streams.
   */
  readonly late: 'stream' | 'fail' | 'nothing'
  /** Whether a WebSocket is tried while the stream carries the session. */
  readonly mayReturn: boolean
  /**
   * Whether the WebSocket has not opened, or not answered the start, in time. Then it counts as failed. If it is still opening when the
   * stream is open, it is dropped: a browser opens one WebSocket to a host at a time, so those of other tabs would have to wait.
   */
  readonly isOverdue: boolean
  /** Whether the stream waits until another tab gives up its connection. */
  readonly isQueued: boolean
  /**
   * Whether the start of an attempt that failed, or of the transport that lost, may still replace the winner's connection. A network that
   * is slow or repeats lost packets may bring that start late.
   */
  readonly isContested: boolean
  /** The last frame and the close code of the transport that failed first. The session gets both if the other transport fails, too. */
  readonly failure: Failure | null
}

interface Failure {
  readonly kind: TransportKind
  readonly ended: GatewayFrameOf<'ended'> | null
  readonly code: number
}

export type RaceInput =
  /** A WebSocket is open, or a stream has its id. `waited`: milliseconds since the WebSocket's start was sent. */
  | { readonly type: 'opened'; readonly kind: TransportKind; readonly waited: number }
  | { readonly type: 'frame'; readonly kind: TransportKind; readonly frame: GatewayFrame }
  | { readonly type: 'closed'; readonly kind: TransportKind; readonly code: number }
  /** The stream has to wait for other tabs. */
  | { readonly type: 'queued' }
  /** The stream's turn has come. */
  | { readonly type: 'served' }
  /** The time of this `wait` is over. `retry` also comes when the network is back. */
  | { readonly type: Wait }

/**
 * `overdue`: the WebSocket has not opened, or not answered the start, in time. `retry`: a stream has carried the session, or waited, for a
 * while, so a WebSocket is tried. `timeout`: that WebSocket took too long. `over`: no other attempt can replace the winner's connection any
 * more.
 */
export type Wait = 'overdue' | 'retry' | 'timeout' | 'over'

export type RaceEffect =
  /** Hand a frame of this transport to the session. */
  | { readonly do: 'pass'; readonly kind: TransportKind; readonly frame: GatewayFrame }
  | { readonly do: 'pass-close'; readonly code: number }
  | { readonly do: 'open'; readonly kind: TransportKind }
  /** Close the transport's connection, if there is one, and ignore its later events. */
  | { readonly do: 'drop'; readonly kind: TransportKind }
  /** Send the start on the WebSocket, unless its handshake had it. */
  | { readonly do: 'send-start' }
  /** Feed the input `for` after `time` milliseconds. */
  | { readonly do: 'wait'; readonly for: Wait; readonly time: number }
  /** Try no WebSocket again in this tab. */
  | { readonly do: 'stay' }
  /** Let the next attempts resume with the key in this attempt's `start` frame. */
  | { readonly do: 'keep-key' }

export type RaceStep = readonly [Race, ...RaceEffect[]]

/** The code with which a gateway closes a connection on which it has heard nothing. */
const TIMEOUT = 4508

/** After this many failures both ways were tried: the start in the header, and the start as a frame. So a stream is opened at once. */
const REFUSED_BOTH = 2
/**
 * If a WebSocket has worked before, the gateway itself may be down. So a stream is opened only at the last of this many failures in a row.
 */
const OUTAGE = 3

const other = (kind: TransportKind): TransportKind => (kind === 'stream' ? 'websocket' : 'stream')
const open = (kind: TransportKind): RaceEffect => ({ do: 'open', kind })
const drop = (kind: TransportKind): RaceEffect => ({ do: 'drop', kind })
const pass = (kind: TransportKind, frame: GatewayFrame): RaceEffect => ({ do: 'pass', kind, frame })
const passClose = (code: number): RaceEffect => ({ do: 'pass-close', code })
/** `waited` is the part of the time that has passed already. */
const wait = (name: Wait, time: number, waited = 0): RaceEffect => ({
  do: 'wait',
  for: name,
  time: Math.max(0, time - waited),
})

/** Begins an attempt, which takes over the WebSocket `adopted` if there is one. */
export const beginRace = ({ kinds, worked, failures }: RaceWorld, adopted: Adopted | null): RaceStep => {
  const mayStream = kinds.includes('stream')
  const mayWebSocket = kinds.includes('websocket')
  /** The failures in a row, this attempt's included, after which a stream is begun. */
  const needed = worked === 'websocket' ? OUTAGE : 1
  const race: Race = {
    websocket: 'opening',
    stream: 'none',
    winner: null,
    late: !mayStream ? 'nothing' : failures + 1 >= needed ? 'stream' : 'fail',
    mayReturn: mayWebSocket && worked !== 'only',
    isOverdue: false,
    isQueued: false,
    isContested: failures > 0,
    failure: null,
  }
  const prefersStream = failures === 0 && (worked === 'stream' || worked === 'only')
  if (!adopted && mayStream && (!mayWebSocket || prefersStream))
    return [{ ...race, websocket: 'none', stream: 'opening' }, open('stream')]
  const opened = adopted ? [] : [open('websocket')]
  if (!mayStream) return [race, ...opened]
  // Many clients of a gateway that has just come back, or of a slow machine, connect at once. If each attempt ended as early as the last,
  // all their handshakes would be begun again and again.
  const patience = race.late === 'fail' ? 2 ** failures : 1
  const overdue = wait('overdue', raceWaits.open * patience, adopted?.waited)
  return failures >= Math.max(REFUSED_BOTH, needed)
    ? [{ ...race, stream: 'opening' }, ...opened, open('stream'), overdue]
    : [race, ...opened, overdue]
}

/** The stream goes on, and a WebSocket is tried later. */
const stayOnStream = (race: Race, ...effects: RaceEffect[]): RaceStep => [
  { ...race, websocket: 'none', failure: null },
  ...effects,
  wait('retry', raceWaits.retry),
]

/**
 * Called while the stream waits for other tabs, perhaps for long. A WebSocket that hangs is dropped, because it would block those of other
 * tabs. If a WebSocket may be tried again, that happens after a minute.
 */
const whileQueued = (race: Race): RaceStep => {
  const again = race.mayReturn ? [wait('retry', raceWaits.retry)] : []
  return race.websocket === 'opening' && race.isOverdue
    ? [{ ...race, websocket: 'none' }, drop('websocket'), ...again]
    : [race, ...again]
}

/** The WebSocket is overdue, and there is no stream yet. */
const onLate = (race: Race): RaceStep => {
  switch (race.late) {
    case 'stream':
      return [{ ...race, isOverdue: true, stream: 'opening' }, open('stream')]
    case 'fail':
      return [{ ...race, isOverdue: true, websocket: 'none' }, drop('websocket'), passClose(LOST)]
    case 'nothing':
      return [race]
  }
}

/** The WebSocket has not opened, or not answered the start, in time. */
const onOverdue = (race: Race): RaceStep => {
  const { failure } = race
  if (race.winner || race.websocket === 'none') return [race]
  const late: Race = { ...race, isOverdue: true }
  const without: Race = { ...late, websocket: 'none', failure: null }
  // The gateway has refused the stream's start. The session gets that refusal, because now both connections have failed.
  if (failure?.kind === 'stream' && failure.ended) {
    const refused: RaceStep = [without, drop('websocket'), pass('stream', failure.ended)]
    return race.stream === 'none' ? [...refused, passClose(failure.code)] : refused
  }
  if (race.isQueued) return whileQueued(late)
  if (race.stream === 'none') return onLate(race)
  return race.stream === 'open' && race.websocket === 'opening' ? [without, drop('websocket')] : [late]
}

/**
 * Called if the WebSocket took the start and never answered. At the gateway either connection may carry the session now. So both are
 * closed, and the client resumes the session by a stream.
 */
const giveUpWebSocket = (race: Race): RaceStep => [
  { ...race, websocket: 'none', stream: 'none', mayReturn: false },
  { do: 'stay' },
  drop('websocket'),
  drop('stream'),
  passClose(LOST),
]

const onStreamOpened = (race: Race): RaceStep => {
  const next: Race = { ...race, stream: 'open' }
  return race.websocket === 'opening' && race.isOverdue
    ? [{ ...next, websocket: 'none' }, drop('websocket')]
    : [next]
}

const onWebSocketOpened = (race: Race, waited: number): RaceStep => {
  const next: Race = { ...race, websocket: 'open' }
  if (race.winner) return [next, { do: 'send-start' }, wait('timeout', raceWaits.takeOver)]
  const overdue = race.late === 'nothing' ? [] : [wait('overdue', raceWaits.answer, waited)]
  return [{ ...next, isOverdue: false }, { do: 'send-start' }, ...overdue]
}

/** Called for the first `started`, and for the `started` of a WebSocket that takes over the session from a stream. */
const onWon = (race: Race, kind: TransportKind, frame: GatewayFrame): RaceStep => {
  const rival = other(kind)
  const isContested = !race.winner && (race.isContested || race.isOverdue || race[rival] !== 'none')
  const next: Race = {
    ...race,
    [kind]: 'open',
    [rival]: 'none',
    winner: kind,
    isQueued: false,
    isContested,
    failure: null,
  }
  return [
    next,
    drop(rival),
    pass(kind, frame),
    ...(isContested ? [wait('over', raceWaits.contest)] : []),
    ...(kind === 'stream' && race.mayReturn ? [wait('retry', raceWaits.retry)] : []),
  ]
}

const onEnded = (race: Race, kind: TransportKind, ended: GatewayFrameOf<'ended'>): RaceStep => {
  const { winner } = race
  const rival = race[other(kind)]
  // The stream may wait for other tabs for long, so the answer on the WebSocket counts.
  if (kind === 'websocket' && race.isQueued)
    return [{ ...race, stream: 'none', isQueued: false }, drop('stream'), pass(kind, ended)]
  // The WebSocket is overdue, so it has failed already.
  if (!winner && race.isOverdue && kind === 'stream' && rival !== 'none')
    return [{ ...race, websocket: 'none' }, drop('websocket'), pass(kind, ended)]
  // The gateway has received no start in time. Perhaps the network swallows what the client sends.
  const isUnheard = !winner && kind === 'websocket' && ended.code === 'timeout'
  if (isUnheard && race.late === 'stream' && rival === 'none')
    return [
      { ...race, websocket: 'none', stream: 'opening', failure: { kind, ended, code: TIMEOUT } },
      drop('websocket'),
      open('stream'),
    ]
  // The other connection may still win. Or it is a WebSocket that takes over the session, so that the stream ends as `replaced`. In both
  // cases the session does not get this frame yet.
  if (rival === 'open' || (rival === 'opening' && winner !== kind))
    return [{ ...race, failure: { kind, ended, code: LOST } }]
  if (race.isContested && ended.code === 'replaced')
    return [{ ...race, websocket: 'none', stream: 'none' }, { do: 'keep-key' }, drop(kind), passClose(LOST)]
  return [race, pass(kind, ended)]
}

const onFrame = (race: Race, kind: TransportKind, frame: GatewayFrame): RaceStep => {
  if (race[kind] === 'none') return [race]
  if (frame.type === 'ended') return onEnded(race, kind, frame)
  if (race.winner === kind) return [race, pass(kind, frame)]
  return frame.type === 'started' ? onWon(race, kind, frame) : [race]
}

/** Called when the WebSocket is closed while a stream carries the session, or carried it until now. */
const onReturnClosed = (race: Race, code: number): RaceStep => {
  const isRefused = race.failure?.kind === 'websocket' && race.stream !== 'none'
  if (race.websocket === 'opening' || isRefused) return stayOnStream(race)
  if (race.stream !== 'none') return giveUpWebSocket(race)
  const next: Race = { ...race, websocket: 'none' }
  return code === LOST ? [next, { do: 'stay' }, passClose(code)] : [next, passClose(code)]
}

const onClosed = (race: Race, kind: TransportKind, code: number): RaceStep => {
  if (race[kind] === 'none') return [race]
  if (race.winner === 'stream' && kind === 'websocket') return onReturnClosed(race, code)
  const rival = other(kind)
  const { failure } = race
  const next: Race = { ...race, [kind]: 'none', isQueued: race.isQueued && kind === 'websocket' }
  // The WebSocket is only opening, so no start was sent on it.
  if (race.winner === kind && race[rival] === 'opening')
    return [{ ...next, [rival]: 'none' }, drop(rival), passClose(code)]
  if (race[rival] !== 'none') {
    const failed: Race = { ...next, failure: { kind, ended: failure?.ended ?? null, code } }
    return next.isQueued ? whileQueued(failed) : [failed]
  }
  return failure?.ended && code === LOST
    ? [next, pass(failure.kind, failure.ended), passClose(failure.code)]
    : [next, passClose(code)]
}

/** Tries a WebSocket while a stream carries the session, or waits for other tabs. */
const onRetry = (race: Race): RaceStep => {
  const isUp = race.winner === 'stream' && race.stream === 'open'
  return (isUp || race.isQueued) && race.mayReturn && race.websocket === 'none'
    ? [
        { ...race, websocket: 'opening', isOverdue: false },
        open('websocket'),
        wait('timeout', raceWaits.takeOver),
      ]
    : [race]
}

/** The WebSocket that `onRetry` tried took too long. */
const onTimeout = (race: Race): RaceStep => {
  if (!race.winner) return race.websocket === 'opening' ? onOverdue(race) : [race]
  if (race.winner !== 'stream' || race.websocket === 'none') return [race]
  return race.websocket === 'open' ? giveUpWebSocket(race) : stayOnStream(race, drop('websocket'))
}

export const stepRace = (race: Race, input: RaceInput): RaceStep => {
  switch (input.type) {
    case 'opened':
      if (race[input.kind] !== 'opening') return [race]
      return input.kind === 'stream' ? onStreamOpened(race) : onWebSocketOpened(race, input.waited)
    case 'frame':
      return onFrame(race, input.kind, input.frame)
    case 'closed':
      return onClosed(race, input.kind, input.code)
    case 'queued':
      return race.stream === 'opening' ? whileQueued({ ...race, isQueued: true }) : [race]
    case 'served':
      return race.stream === 'opening' ? [{ ...race, isQueued: false }] : [race]
    case 'overdue':
      return onOverdue(race)
    case 'retry':
      return onRetry(race)
    case 'timeout':
      return onTimeout(race)
    case 'over':
      return [{ ...race, isContested: false }]
  }
}
