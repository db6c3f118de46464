import type { ClientFrameOf, GatewayFrameOf, Message, Profile } from '../../protocol/index.js'
import { callFrames } from '../../protocol/internal.js'
import type { HistoryRange, PeersPage, PeersRange } from '../messages.js'
import { newId } from '../new-id.js'
import type { IsAnswer } from '../storage/outbox.js'
import { peerId } from './peer-id.js'

/** The methods of ChatSession that most pages do not call. */
export interface Calls {
  history(range?: HistoryRange): Promise<Message[]>
  peers(range?: PeersRange): Promise<PeersPage>
  /** `undo` is called for a profile that every gateway would refuse. */
  setProfile(fields: Profile, undo: () => void): Promise<void>
}

type CallFrame = ClientFrameOf<keyof typeof callFrames>
type CallChecks = (typeof callFrames)[keyof typeof callFrames]

/** Returns a copy of a frame whose fields have passed the checks. Throws `bad-request`. */
type CheckFrame = <F extends CallFrame>(frame: F, checks: CallChecks) => F

/** Resolves with the answer to a frame. Rejects as `send` does. */
type RequestFrame = <T>(frame: CallFrame, checks: CallChecks, isAnswer?: IsAnswer) => Promise<T>

/** The parameters have no names at the call, because that is in the script of every page. */
export const createCalls = (check: CheckFrame, request: RequestFrame, epoch: () => string): Calls => {
  /** Settles when the gateway has answered the latest change of the profile. One change waits for the other: an answer names none. */
  let profileTurn: Promise<unknown> = Promise.resolve()

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
  }
  return calls
}
