import type { ClientFrameOf, GatewayFrameOf, Message } from '../../protocol/index.js'
import { callFrames, object } from '../../protocol/internal.js'
import { cursorOf, infoOf } from '../machine/selectors.js'
import type { AnswerType } from '../machine/state.js'
import type { HistoryRange, PeersPage, PeersRange, PushSubscriber, SignalOptions } from '../messages.js'
import { newId } from '../util/new-id.js'
import { toFrame } from '../util/to-frame.js'
import type { CallsHost } from './host.js'
import { createMarks } from './marks.js'
import { createProfileChange } from './profile.js'
import { createPush } from './push.js'
import { createRequests } from './requests.js'
import { createSignals } from './signals.js'
import { createSleep } from './sleep.js'
import { createWatches } from './watches.js'

/** The methods of ChatSession that most pages do not call, and what the session tells them. */
export type Calls = ReturnType<typeof createCalls>

export const createCalls = (host: CallsHost) => {
  const { emit, runner, checkedCopy, idText, SessionError } = host
  const sleep = createSleep(host)
  const requests = createRequests(host, sleep.awake)
  const { badField, checkFields, request, sendNow } = requests
  const marks = createMarks(requests, () => cursorOf(runner.state()))
  const changeProfile = createProfileChange(host, requests)
  const signals = createSignals((signal) => emit('signal', { signal }))
  const push = createPush(host, requests)

  const emitError = (code: string, cause: unknown): void =>
    emit('error', { error: cause instanceof SessionError ? cause : new SessionError(code, { cause }) })
  const watches = createWatches(requests, (error) => {
    // The error of a session that has ended was reported already.
    if (infoOf(runner.state())) emitError('unavailable', error)
  })

  /** What the gateway said of the profile that the session started with. */
  let profileProblem: string | undefined

  const refused = (frame: GatewayFrameOf<'refused'>): void => {
    const error = new SessionError(frame.code, frame)
    if (frame.re === 'push') push.refused(error)
    if (frame.re === 'signal') emit('error', { error })
    // Each new connection has the same profile, and gets the same refusal.
    if (frame.re === 'start' && profileProblem !== frame.message) {
      profileProblem = frame.message
      console.warn(`<chat-session> ${frame.message}`)
      emit('error', { error })
    }
  }

  /** Returns the options of a call. Throws `bad-request` for a text or a number, of which a call would otherwise use nothing. */
  const optionsOf = <T extends object>(call: string, options: T | undefined): Partial<T> => {
    if (options !== undefined && !object(options)) throw badField(call, 'options')
    return options ?? {}
  }

  const calls = {
    async history(range?: HistoryRange): Promise<Message[]> {
      const { after, before, limit = 50, with: peer } = optionsOf('history', range)
      const frame = toFrame<ClientFrameOf<'history'>>({
        type: 'history',
        id: newId(),
        epoch: cursorOf(runner.state())?.epoch ?? '',
        after,
        before,
        limit,
        with: idText(peer),
      })
      const { messages, next } = await request(frame, {
        checks: callFrames.history,
        isAnswer: (answer): answer is GatewayFrameOf<'history'> =>
          answer.type === 'history' && answer.id === frame.id,
      })
      const left = limit - messages.length
      // If `with` is set, an answer may have fewer messages than `limit` although there are more.
      if (left <= 0 || next === undefined) return messages
      if (after !== undefined)
        return [...messages, ...(await calls.history({ after: next, with: peer, limit: left }))]
      return [...(await calls.history({ before: next, with: peer, limit: left })), ...messages]
    },

    async peers(range?: PeersRange): Promise<PeersPage> {
      const { limit, before } = optionsOf('peers', range)
      const frame = toFrame<ClientFrameOf<'peers'>>({ type: 'peers', id: newId(), limit, before })
      const { peers, next } = await request(frame, {
        checks: callFrames.peers,
        isAnswer: (answer): answer is GatewayFrameOf<'peers'> =>
          answer.type === 'peers' && answer.id === frame.id,
      })
      return { peers, next }
    },

    async markRead(offset: number, options?: Pick<HistoryRange, 'with'>): Promise<void> {
      const { with: peer } = optionsOf('markRead', options)
      await marks.mark(offset, idText(peer))
    },

    setProfile: changeProfile,

    async signal(to: string | number, name: string, options?: SignalOptions): Promise<boolean> {
      const { data, ttl } = optionsOf('signal', options)
      const frame = toFrame<ClientFrameOf<'signal'>>({
        type: 'signal',
        to: idText(to),
        name,
        data,
        ttl,
      })
      checkFields(frame, callFrames.signal)
      const checked = checkedCopy(frame, callFrames.signal)
      return sleep.awake(() => Promise.resolve(sendNow(checked)))
    },

    async watch(users: readonly (string | number)[]): Promise<void> {
      if (!Array.isArray(users)) throw badField('watch', 'users')
      await watches.watch(users.map((id: string | number) => idText(id)))
    },

    async push(subscriber: PushSubscriber | null): Promise<void> {
      if (
        subscriber !== null &&
        typeof (subscriber as Partial<PushSubscriber> | undefined)?.subscribe !== 'function'
      )
        throw badField('push', 'subscriber')
      await sleep.awake(() => push.set(subscriber))
    },

    /** Called when the session starts. */
    starting(): void {
      sleep.update()
    },

    /** Called for each new connection. */
    started({ epoch }: GatewayFrameOf<'started'>): void {
      sleep.update()
      marks.repeat(epoch)
      push.renew().catch((error: unknown) => emitError('push-unavailable', error))
      watches.repeat()
    },

    /** Called with each frame that the state machine (machine/step.ts) delivers. */
    received(frame: GatewayFrameOf<'message' | AnswerType>): void {
      switch (frame.type) {
        case 'unread':
          marks.remember(frame)
          return sleep.tell()
        case 'refused':
          return refused(frame)
        case 'presence':
          return emit('presence', { users: frame.users })
        case 'signal':
          return signals.received(frame)
        case 'message':
          return signals.endOf(frame.from)
        // These answer requests, which the outbox settles.
        case 'sent':
        case 'history':
        case 'peers':
        case 'user':
          return
      }
    },
  }

  // The session may have started before this script was loaded.
  if (runner.state().name !== 'idle') calls.starting()
  return calls
}
