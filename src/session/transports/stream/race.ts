/*
 * The race of a WebSocket and a stream as a pure function: stepRace(race, input) returns the next race and the effects to run. To the
 * session both look like one attempt. The first `started` wins, not the first connection, because a proxy may open WebSockets and swallow
 * their frames.
 */

export type TransportKind = 'websocket' | 'stream'

/** A frame of the gateway: the fields that the race reads, and the JSON. */
export interface RaceFrame {
  readonly type: string
  readonly code?: string
  readonly json: string
  readonly by?: TransportKind
}

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
  readonly failure: {
    readonly kind: TransportKind
    readonly ended: RaceFrame | null
    readonly code: number
  } | null
}

export type RaceInput =
  /** A WebSocket is open, or a stream has its id. `waited`: milliseconds since a WebSocket's start was sent. */
  | { readonly type: 'opened'; readonly kind: TransportKind; readonly waited?: number }
  | { readonly type: 'frame'; readonly kind: TransportKind; readonly frame: RaceFrame }
  | { readonly type: 'closed'; readonly kind: TransportKind; readonly code: number }
  /** The stream has to wait for other tabs, or its turn has come. */
  | { readonly type: 'queued'; readonly isQueued: boolean }
  /** The time of this `wait` is over. `retry` also comes when the network is back. */
  | { readonly type: Wait }

/**
 * `overdue`: the WebSocket has not opened, or not answered the start, in time. `retry`: a stream has carried the session, or waited, for a
 * while, so a WebSocket is tried. `timeout`: that WebSocket took too long. `over`: no other attempt can replace the winner's connection any
 * more.
 */
export type Wait = 'overdue' | 'retry' | 'timeout' | 'over'

export type RaceEffect =
  | { readonly do: 'pass'; readonly frame: RaceFrame }
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

/** The close code of a connection that was lost without a close frame (RFC 6455, 7.1.5). */
const LOST = 1006
/** The code with which a gateway closes a connection on which it has heard nothing. */
const TIMEOUT = 4508

/** Milliseconds in which a WebSocket has to open, and then to answer the start, before a stream is begun beside it. */
const OPEN_TIME = 4_000
const ANSWER_TIME = 10_000
/**
 * While a stream carries the session: milliseconds until a WebSocket is tried again, and milliseconds in which it has to open, and then to
 * answer.
 */
const RETRY_TIME = 60_000
const RETURN_TIME = 4_000
/** Milliseconds after a race in which the start of another attempt may still end the winner's connection as `replaced`. */
const CONTEST_TIME = 10_000
/** After this many failures both ways were tried: the start in the header, and the start as a frame. So a stream is opened at once. */
const REFUSED_BOTH = 2
/**
 * If a WebSocket has worked before, the gateway itself may be down. So a stream is opened only at the last of this many failures in a row.
 */
const OUTAGE = 3

const other = (kind: TransportKind): TransportKind => (kind === 'stream' ? 'websocket' : 'stream')
const open = (kind: TransportKind): RaceEffect => ({ do: 'open', kind })
const drop = (kind: TransportKind): RaceEffect => ({ do: 'drop', kind })
const wait = (name: Wait, time: number): RaceEffect => ({ do: 'wait', for: name, time })

/** Begins an attempt. With `isAdopted` its WebSocket exists already, and has been opening for `waited` milliseconds. */
export const beginRace = (
  { kinds, worked, failures }: RaceWorld,
  isAdopted: boolean,
  waited: number,
): RaceStep => {
  const mayStream = kinds.includes('stream')
  const mayWebSocket = kinds.includes('websocket')
  const needed = worked === 'websocket' ? OUTAGE : 1
  const race: Race = {
    websocket: 'opening',
    stream: 'none',
    winner: null,
    late: !mayStream ? 'nothing' : failures + 1 >= needed ? 'stream' : 'fail',
    mayReturn: mayWebSocket && worked !== 'only',
    isOverdue: false,
    isQueued: false,
    isContested: !!failures,
    failure: null,
  }
  const prefersStream = !failures && (worked === 'stream' || worked === 'only')
  if (!isAdopted && mayStream && (!mayWebSocket || prefersStream))
    return [{ ...race, websocket: 'none', stream: 'opening' }, open('stream')]
  const opened = isAdopted ? [] : [open('websocket')]
  if (!mayStream) return [race, ...opened]
  const overdue = wait('overdue', Math.max(0, OPEN_TIME - waited))
  return failures >= Math.max(REFUSED_BOTH, needed)
    ? [{ ...race, stream: 'opening' }, ...opened, open('stream'), overdue]
    : [race, ...opened, overdue]
}

/** The stream goes on, and a WebSocket is tried later. */
const stayOnStream = (race: Race, ...effects: RaceEffect[]): RaceStep => [
  { ...race, websocket: 'none', failure: null },
  ...effects,
  wait('retry', RETRY_TIME),
]

/**
 * Called while the stream waits for other tabs, perhaps for long. A WebSocket that hangs is dropped, because it would block those of other
 * tabs. If a WebSocket may be tried again, that happens after a minute.
 */
const whileQueued = (race: Race): RaceStep => {
  const again = race.mayReturn ? [wait('retry', RETRY_TIME)] : []
  return race.websocket === 'opening' && race.isOverdue
    ? [{ ...race, websocket: 'none' }, drop('websocket'), ...again]
    : [race, ...again]
}

const onLate = (race: Race): RaceStep =>
  race.late === 'stream'
    ? [{ ...race, stream: 'opening' }, open('stream')]
    : [{ ...race, websocket: 'none' }, drop('websocket'), { do: 'pass-close', code: LOST }]

/** The WebSocket has not opened, or not answered the start, in time. */
const onOverdue = (race: Race): RaceStep => {
  if (race.winner || race.websocket === 'none') return [race]
  const late: Race = { ...race, isOverdue: true }
  const without: Race = { ...late, websocket: 'none', failure: null }
  const { failure } = race
  // The gateway has refused the stream's start. The session gets that refusal, because now both connections have failed.
  if (failure?.kind === 'stream' && failure.ended) {
    const refused: RaceStep = [without, drop('websocket'), { do: 'pass', frame: failure.ended }]
    return race.stream === 'none' ? [...refused, { do: 'pass-close', code: failure.code }] : refused
  }
  if (race.isQueued) return whileQueued(late)
  if (race.stream === 'none') return race.late === 'nothing' ? [race] : onLate(late)
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
  { do: 'pass-close', code: LOST },
]

const onOpened = (race: Race, kind: TransportKind, waited: number): RaceStep => {
  if (race[kind] !== 'opening') return [race]
  const next: Race = { ...race, [kind]: 'open' }
  if (kind === 'stream')
    return race.websocket === 'opening' && race.isOverdue
      ? [{ ...next, websocket: 'none' }, drop('websocket')]
      : [next]
  if (race.winner) return [next, { do: 'send-start' }, wait('timeout', RETURN_TIME)]
  const overdue = race.late === 'nothing' ? [] : [wait('overdue', Math.max(0, ANSWER_TIME - waited))]
  return [{ ...next, isOverdue: false }, { do: 'send-start' }, ...overdue]
}

/** Called for the first `started`, and for the `started` of a WebSocket that takes over the session from a stream. */
const onWon = (race: Race, kind: TransportKind, frame: RaceFrame): RaceStep => {
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
    { do: 'pass', frame },
    ...(isContested ? [wait('over', CONTEST_TIME)] : []),
    ...(kind === 'stream' && race.mayReturn ? [wait('retry', RETRY_TIME)] : []),
  ]
}

const onFrame = (race: Race, kind: TransportKind, frame: RaceFrame): RaceStep => {
  if (race[kind] === 'none') return [race]
  const { winner } = race
  if (winner !== kind && frame.type === 'started') return onWon(race, kind, frame)
  if (frame.type !== 'ended') return winner === kind ? [race, { do: 'pass', frame }] : [race]
  const rival = race[other(kind)]
  // The stream may wait for other tabs for long, so the answer on the WebSocket counts.
  if (kind === 'websocket' && race.isQueued)
    return [{ ...race, stream: 'none', isQueued: false }, drop('stream'), { do: 'pass', frame }]
  // The WebSocket is overdue, so it has failed already.
  if (!winner && race.isOverdue && kind === 'stream' && rival !== 'none')
    return [{ ...race, websocket: 'none' }, drop('websocket'), { do: 'pass', frame }]
  // The gateway has received no start in time. Perhaps the network swallows what the client sends.
  if (
    !winner &&
    frame.code === 'timeout' &&
    race.late === 'stream' &&
    kind === 'websocket' &&
    rival === 'none'
  )
    return [
      { ...race, websocket: 'none', stream: 'opening', failure: { kind, ended: frame, code: TIMEOUT } },
      drop('websocket'),
      open('stream'),
    ]
  // The other connection may still win. Or it is a WebSocket that takes over the session, so that the stream ends as `replaced`. In both
  // cases the session does not get this frame yet.
  if (rival === 'open' || (rival === 'opening' && winner !== kind))
    return [{ ...race, failure: { kind, ended: frame, code: LOST } }]
  if (race.isContested && frame.code === 'replaced')
    return [
      { ...race, websocket: 'none', stream: 'none' },
      { do: 'keep-key' },
      drop(kind),
      { do: 'pass-close', code: LOST },
    ]
  return [race, { do: 'pass', frame }]
}

const onClosed = (race: Race, kind: TransportKind, code: number): RaceStep => {
  if (race[kind] === 'none') return [race]
  const rival = other(kind)
  const next: Race = { ...race, [kind]: 'none', isQueued: race.isQueued && kind === 'websocket' }
  const passed: RaceEffect = { do: 'pass-close', code }
  if (race.winner === 'stream' && kind === 'websocket') {
    const isRefused = race.failure?.kind === kind && race.stream !== 'none'
    if (race.websocket === 'opening' || isRefused) return stayOnStream(race)
    if (race.stream !== 'none') return giveUpWebSocket(race)
    return code === LOST ? [next, { do: 'stay' }, passed] : [next, passed]
  }
  // The WebSocket is only opening, so no start was sent on it.
  if (race.winner === kind && race[rival] === 'opening')
    return [{ ...next, [rival]: 'none' }, drop(rival), passed]
  const { failure } = race
  if (race[rival] !== 'none') {
    const failed: Race = { ...next, failure: { kind, ended: failure?.ended ?? null, code } }
    return next.isQueued ? whileQueued(failed) : [failed]
  }
  return failure?.ended && code === LOST
    ? [next, { do: 'pass', frame: failure.ended }, { do: 'pass-close', code: failure.code }]
    : [next, passed]
}

export const stepRace = (race: Race, input: RaceInput): RaceStep => {
  switch (input.type) {
    case 'opened':
      return onOpened(race, input.kind, input.waited ?? 0)
    case 'frame':
      return onFrame(race, input.kind, input.frame)
    case 'closed':
      return onClosed(race, input.kind, input.code)
    case 'overdue':
      return onOverdue(race)
    case 'queued': {
      if (race.stream !== 'opening') return [race]
      const next: Race = { ...race, isQueued: input.isQueued }
      return next.isQueued ? whileQueued(next) : [next]
    }
    case 'retry': {
      const isUp = race.winner === 'stream' && race.stream === 'open'
      return (isUp || race.isQueued) && race.mayReturn && race.websocket === 'none'
        ? [
            { ...race, websocket: 'opening', isOverdue: false },
            open('websocket'),
            wait('timeout', RETURN_TIME),
          ]
        : [race]
    }
    case 'timeout':
      if (!race.winner) return race.websocket === 'opening' ? onOverdue(race) : [race]
      if (race.winner !== 'stream' || race.websocket === 'none') return [race]
      return race.websocket === 'open' ? giveUpWebSocket(race) : stayOnStream(race, drop('websocket'))
    case 'over':
      return [{ ...race, isContested: false }]
  }
}
