import type { ClientFrameOf, GatewayFrameOf, Message, Profile } from '../../protocol/index.js'
import { callFrames } from '../../protocol/internal.js'
import type { SessionError } from '../errors.js'
import { isOver, type AnswerType, type Position, type SessionInfo } from '../machine/state.js'
import type {
  HistoryRange,
  PeersPage,
  PeersRange,
  Presence,
  PushSubscriber,
  Signal,
  SignalOptions,
} from '../messages.js'
import { newId } from '../util/new-id.js'
import type { RequestOptions } from '../storage/outbox.js'
import type { CallFrame, CallsHost } from './host.js'
import { createLeftSends } from './left-sends.js'
import { createPush } from './push.js'
import { createSleep } from './sleep.js'

/** The methods of ChatSession that most pages do not call. */
export interface Calls {
  history(range?: HistoryRange): Promise<Message[]>
  peers(range?: PeersRange): Promise<PeersPage>
  markRead(offset: number, options?: Pick<HistoryRange, 'with'>): Promise<void>
  /**
   * Changes the profile. `before` is the session's profile without `fields`. `set` replaces the profile that the next start sends.
   */
  setProfile(fields: Profile, before: Profile, set: (profile: Profile) => void): Promise<void>
  signal(to: string | number, name: string, options?: SignalOptions): Promise<boolean>
  watch(users: readonly (string | number)[]): Promise<void>
  push(subscriber: PushSubscriber | null): Promise<void>
  /** Called with each frame that these methods need. */
  received(frame: CallsFrame): void
}

/**
 * The frames for `received`: `starting` when a session starts, `started` for each new connection, and the frames that the state machine
 * (machine/step.ts) delivers.
 */
export type CallsFrame = { type: 'starting' } | GatewayFrameOf<'started' | 'message' | AnswerType>

type Read = ClientFrameOf<'read'>

/**
 * At most this many read marks are sent again on a new connection. More are not needed: a crash of the gateway's computer loses only the
 * latest marks.
 */
const MAX_MARKS = 20

/** What an older gateway may lack. The field `can` of `started` lists what the gateway has. A frame with the field `with` needs `peers`. */
const extensions: readonly string[] = ['peers', 'signal', 'watch', 'push']

export const createCalls = (host: CallsHost): Calls => {
  const { session, runner, outbox, checkedCopy, idText, SessionError } = host

  /** Returns the gateway's latest state of the session; null while there is none. */
  const info = (): SessionInfo | null => {
    const state = runner.state()
    return 'info' in state ? state.info : null
  }
  /** Returns the position of the newest message that arrived. */
  const cursor = (): Position | null => {
    const state = runner.state()
    return 'cursor' in state ? state.cursor : null
  }
  const epoch = (): string => cursor()?.epoch ?? ''
  const emit = (
    type: 'signal' | 'presence' | 'error',
    detail: { signal: Signal } | { users: Presence[] } | { error: SessionError },
  ): void => {
    session.dispatchEvent(new CustomEvent(type, { detail }))
  }
  /** Returns whether the latest `started` lists what a frame needs. A gateway ends the connection for a frame that it does not know. */
  const isKnown = (frame: CallFrame | ClientFrameOf<'push'>): boolean => {
    // A `with` that is undefined is not sent, so it needs no `peers`.
    const { type, with: peer } = frame as { type: string; with?: string | null | undefined }
    const needed = peer === undefined ? type : 'peers'
    return !extensions.includes(needed) || !!info()?.can?.includes(needed)
  }
  /** Sends a frame without waiting for an answer. Returns whether the frame was sent. */
  const sendNow = (frame: ClientFrameOf<'signal' | 'push'>): boolean => isKnown(frame) && runner.send(frame)
  /** Resolves with the answer to a frame. Rejects as `send` does, and with `protocol-error` if the gateway does not know the frame. */
  const request = async <T>(frame: CallFrame, options: RequestOptions): Promise<T> => {
    if (isOver(session.state)) throw session.error ?? new SessionError('ended')
    // Only a connection shows which frames its gateway knows, so without a connection there is no error.
    const prepare: RequestOptions['prepare'] = (asked) => {
      // A request that was made before the first session has no epoch. It is about the inbox of that session.
      if ('epoch' in asked) asked.epoch ||= info()?.epoch ?? ''
      return runner.state().name === 'active' && !isKnown(frame)
        ? new SessionError('protocol-error')
        : undefined
    }
    return sleep.awake(() => outbox.add<T>(frame, { ...options, prepare }))
  }
  const sleep = createSleep(host, info)
  const takeLeftSends = createLeftSends(host, info)
  takeLeftSends()

  /**
   * The latest read marks that the gateway sent, by peer. The mark of the whole inbox has the key undefined. A peer's mark is added only
   * if it is beyond the mark of the whole inbox. The newest entry is last.
   */
  const lastMarks = new Map<Read['with'], Read>()
  const remember = (offset: number, peer?: Read['with']): void => {
    lastMarks.delete(peer)
    lastMarks.set(peer, { type: 'read', epoch: epoch(), offset, with: peer } as Read)
    for (const oldest of lastMarks.keys()) if (lastMarks.size > MAX_MARKS) lastMarks.delete(oldest)
  }

  /** Sends a read mark. Of the marks that wait with the same epoch and peer, only the highest is kept. */
  const mark = (frame: Read): Promise<unknown> =>
    request(frame, {
      checks: callFrames.read,
      merge(older, newer) {
        const [before, after] = [older, newer] as Read[]
        if (before?.type !== 'read' || before.epoch !== after?.epoch || before.with !== after.with)
          return undefined
        return after.offset > before.offset ? newer : older
      },
      isAnswer(answer, request) {
        const read = request as Read
        const newest = cursor()
        if (answer.type !== 'unread' || read.epoch !== newest?.epoch) return false
        // The gateway's mark stops at the newest message, which arrived before `unread`. So if the request has a higher offset, the offset
        // of that message counts.
        const { with: peer, readOffset, unreadWith, readOffsetWith = -1 } = answer
        const target = Math.min(read.offset, newest.offset)
        if (read.with === undefined) return readOffset >= target
        // If the user in `with` is not a peer, no mark reaches `target`. But then `unreadWith` is 0, which answers the request, too.
        return read.with === peer && (unreadWith === 0 || readOffsetWith >= target)
      },
    })

  /**
   * Settles when the gateway has answered the latest change of the profile. Each change waits for the one before, because an answer does
   * not name its change.
   */
  let profileTurn: Promise<unknown> = Promise.resolve()
  /** The profile for the next start. It lacks the changes that have no answer yet. Undefined before the first change. */
  let profile: Profile | undefined

  /** The latest signals, by sender and name. A message ends all signals of its sender. A new signal removes those whose time is over. */
  const signals = new Map<string, Signal>()

  /** The latest watch that the gateway has answered. */
  let watched: ClientFrameOf<'watch'> | undefined
  /** How many watches have no answer yet. */
  let asking = 0

  const watch = async (frame: ClientFrameOf<'watch'>): Promise<void> => {
    asking += 1
    try {
      // The answer has all users of the watch. A `presence` without some of these users is about an earlier watch.
      const isAnswer: RequestOptions['isAnswer'] = (answer) => {
        if (answer.type !== 'presence') return false
        const ids = new Set(answer.users.map(({ id }) => id))
        return frame.users.every((id) => ids.has(id))
      }
      await request(frame, { checks: callFrames.watch, isAnswer })
      watched = frame
    } finally {
      asking -= 1
      // The gateway has refused this watch. If the connection is new, the gateway knows no earlier watch.
      if (watched !== frame) watchAgain()
    }
  }
  /** Sends the latest watch again, unless a later one has no answer yet. */
  const watchAgain = (): void => {
    if (watched && !asking)
      watch(watched).catch((error: unknown) => info() && emit('error', { error: error as SessionError }))
  }

  const push = createPush(session, sendNow, info)

  const calls: Calls = {
    async history({ after, before, limit = 50, with: peer } = {}) {
      const frame = {
        type: 'history',
        id: newId(),
        epoch: epoch(),
        after,
        before,
        limit,
        with: idText(peer),
      }
      const { messages, next } = await request<GatewayFrameOf<'history'>>(frame as ClientFrameOf<'history'>, {
        checks: callFrames.history,
      })
      const left = limit - messages.length
      // If `with` is set, an answer may have fewer messages than `limit` although there are more.
      if (!left || next === undefined) return messages
      const isBackwards = after === undefined
      const more = await calls.history({ [isBackwards ? 'before' : 'after']: next, with: peer, limit: left })
      return isBackwards ? more.concat(messages) : messages.concat(more)
    },

    async peers({ limit, cursor } = {}) {
      const frame = { type: 'peers', id: newId(), limit, before: cursor }
      const { peers, next } = await request<GatewayFrameOf<'peers'>>(frame as ClientFrameOf<'peers'>, {
        checks: callFrames.peers,
      })
      return { peers, next }
    },

    async markRead(offset, { with: peer } = {}) {
      const frame = { type: 'read', epoch: epoch(), offset, with: idText(peer) }
      await mark(frame as Read)
    },

    async setProfile(fields, before, set) {
      profile ??= before
      // If the gateway refuses the change, only its frame must be refused. The start of a new connection would end the session.
      if (info()) set(profile)
      let kept = fields
      try {
        const frame = checkedCopy({ type: 'profile', user: fields }, callFrames.profile)
        await (profileTurn = profileTurn
          .catch(() => undefined)
          .then(() =>
            request(frame, { checks: callFrames.profile, isAnswer: ({ type }) => type === 'user' }),
          ))
      } catch (error) {
        // A start with these fields would be refused, too, or JSON could not write it, and the session would end.
        if (!(error instanceof SessionError) || /^(bad-request|too-large)$/.test(error.code)) kept = {}
        throw error
      } finally {
        set((profile = { ...profile, ...kept }))
      }
    },

    signal(to, name, { data, ttl } = {}) {
      const frame = { type: 'signal', to: idText(to), name, data, ttl }
      const checked = checkedCopy(frame as ClientFrameOf<'signal'>, callFrames.signal)
      return sleep.awake(() => Promise.resolve(sendNow(checked)))
    },

    async watch(users) {
      await watch({ type: 'watch', users: users.map((id) => idText(id)) })
    },

    push: (subscriber) => sleep.awake(() => push.set(subscriber)),

    received(frame) {
      const { type } = frame
      if (type === 'starting' || type === 'started') {
        takeLeftSends()
        sleep.update()
      }
      if (type === 'unread') {
        const { with: peer, readOffset, readOffsetWith = 0 } = frame
        remember(readOffset)
        if (readOffsetWith > readOffset) remember(readOffsetWith, peer)
        sleep.tell()
      }
      if (type === 'started') {
        // The gateway's computer may have crashed and lost the marks, so they are sent again. Nobody waits for these requests, so their
        // errors are dropped.
        for (const last of lastMarks.values())
          if (last.epoch === frame.epoch) mark(last).catch(() => undefined)
        push.renew().catch((cause: unknown) =>
          emit('error', {
            error: cause instanceof SessionError ? cause : new SessionError('push-unavailable', { cause }),
          }),
        )
        // A watch ends with its connection, so the session sends it again. If a later watch has no answer yet, the outbox sends that one.
        watchAgain()
      }
      if (type === 'refused' && frame.re === 'push') push.refused(new SessionError(frame.code, frame))
      if (type === 'refused' && frame.re === 'signal')
        emit('error', { error: new SessionError(frame.code, frame) })
      if (type === 'presence') emit(type, { users: frame.users })
      if (type === 'signal') {
        const { from, name, data, ttl } = frame
        const signal = { from, name, data, until: Date.now() + ttl }
        for (const [key, { until }] of signals) if (until <= Date.now()) signals.delete(key)
        signals.set(JSON.stringify([from, name]), signal)
        emit(type, { signal })
      }
      if (type === 'message')
        for (const [key, signal] of signals) {
          if (signal.from !== frame.from) continue
          signals.delete(key)
          const until = Date.now()
          if (signal.until > until) emit('signal', { signal: { ...signal, until } })
        }
    },
  }
  return calls
}
