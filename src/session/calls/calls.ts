import type { ClientFrameOf, GatewayFrameOf, Message, Profile } from '../../protocol/index.js'
import { callFrames } from '../../protocol/internal.js'
import type { SessionError } from '../errors.js'
import type { AnswerType } from '../machine/state.js'
import type { HistoryRange, PeersPage, PeersRange, Presence, Signal, SignalOptions } from '../messages.js'
import { newId } from '../new-id.js'
import type { IsAnswer } from '../storage/outbox.js'
import { peerId } from './peer-id.js'

/** The methods of ChatSession that most pages do not call. */
export interface Calls {
  history(range?: HistoryRange): Promise<Message[]>
  peers(range?: PeersRange): Promise<PeersPage>
  /** `undo` is called for a profile that every gateway would refuse. */
  setProfile(fields: Profile, undo: () => void): Promise<void>
  signal(to: string | number, name: string, options?: SignalOptions): Promise<boolean>
  watch(users: readonly (string | number)[]): Promise<void>
  /** Takes what came by the connection. */
  received(frame: CallsFrame): void
}

/** What the calls are told of: `started` for each new connection, and what the machine delivers. */
export type CallsFrame = GatewayFrameOf<'started' | 'message' | AnswerType>

/** Dispatches an event of the session. */
type Emit = (
  type: 'signal' | 'presence' | 'error',
  detail: { signal: Signal } | { users: Presence[] } | { error: unknown },
) => void

type CallFrame = ClientFrameOf<keyof typeof callFrames>
type CallChecks = (typeof callFrames)[keyof typeof callFrames]

/** Returns a copy of a frame whose fields have passed the checks. Throws `bad-request`. */
type CheckFrame = <F extends CallFrame>(frame: F, checks: CallChecks) => F

/** Resolves with the answer to a frame. Rejects as `send` does. */
type RequestFrame = <T>(frame: CallFrame, checks: CallChecks, isAnswer?: IsAnswer) => Promise<T>

/** The parameters have no names at the call, because that is in the script of every page. */
export const createCalls = (
  check: CheckFrame,
  request: RequestFrame,
  epoch: () => string,
  send: (frame: ClientFrameOf<'signal'>) => boolean,
  can: () => string[] | undefined,
  emit: Emit,
  SessionErrorClass: typeof SessionError,
): Calls => {
  /** Settles when the gateway has answered the latest change of the profile. One change waits for the other: an answer names none. */
  let profileTurn: Promise<unknown> = Promise.resolve()

  /** What the senders' signals say now, by sender and name. */
  const signals = new Map<string, Signal>()

  /** The watch that the gateway answered last. */
  let watched: ClientFrameOf<'watch'> | undefined
  /** How many watches wait for their answer. */
  let asking = 0

  const watch = async (frame: ClientFrameOf<'watch'>): Promise<void> => {
    asking += 1
    try {
      // A change that an earlier watch told may come before the answer, which has all users.
      await request(frame, callFrames.watch, (answer) => {
        if (answer.type !== 'presence') return false
        const ids = new Set(answer.users.map(({ id }) => id))
        return frame.users.every((id) => ids.has(id))
      })
      watched = frame
    } finally {
      asking -= 1
    }
  }

  const calls: Calls = {
    async history({ after, before, limit = 50, with: peer } = {}) {
      const frame = {
        type: 'history',
        id: newId(),
        epoch: epoch(),
        after,
        before,
        limit,
        with: peerId(peer),
      }
      const { messages, next } = await request<GatewayFrameOf<'history'>>(
        frame as ClientFrameOf<'history'>,
        callFrames.history,
      )
      const left = limit - messages.length
      // With a peer an answer may be short before the end.
      if (!left || next === undefined) return messages
      const isBackwards = after === undefined
      const more = await calls.history({ [isBackwards ? 'before' : 'after']: next, with: peer, limit: left })
      return isBackwards ? more.concat(messages) : messages.concat(more)
    },

    async peers({ limit, cursor } = {}) {
      const frame = { type: 'peers', id: newId(), limit, before: cursor }
      const { peers, next } = await request<GatewayFrameOf<'peers'>>(
        frame as ClientFrameOf<'peers'>,
        callFrames.peers,
      )
      return { peers, next }
    },

    async setProfile(fields, undo) {
      let frame: ClientFrameOf<'profile'>
      try {
        frame = check({ type: 'profile', user: fields }, callFrames.profile)
      } catch (error) {
        undo()
        throw error
      }
      const taken = profileTurn.then(() => request(frame, callFrames.profile, ({ type }) => type === 'user'))
      profileTurn = taken.catch(() => undefined)
      await taken
    },

    signal(to, name, { data, ttl } = {}) {
      const frame = { type: 'signal', to: String(to), name, data, ttl }
      const checked = check(frame as ClientFrameOf<'signal'>, callFrames.signal)
      return Promise.resolve(!!can()?.includes('signal') && send(checked))
    },

    async watch(users) {
      const frame = check({ type: 'watch', users: users.map(String) }, callFrames.watch)
      // Before the session has started it is not known what the gateway can.
      if (can()?.includes('watch') === false) throw new SessionErrorClass('protocol-error')
      await watch(frame)
    },

    received(frame) {
      const { type } = frame
      // A watch ended with its connection. What still waits is sent again by the outbox.
      if (type === 'started' && watched && !asking)
        watch(watched).catch((error: unknown) => can() && emit('error', { error }))
      if (type === 'refused' && frame.re === 'signal')
        emit('error', { error: new SessionErrorClass(frame.code, frame) })
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
