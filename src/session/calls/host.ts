import type { ClientFrameOf } from '../../protocol/index.js'
import type { callFrames } from '../../protocol/internal.js'
import type { SessionError } from '../errors.js'
import type { Input, State } from '../machine/state.js'
import type { Outbox } from '../storage/outbox.js'

export type CallFrame = ClientFrameOf<keyof typeof callFrames>
type CallChecks = (typeof callFrames)[keyof typeof callFrames]

/** What the methods in calls.ts use of the session and of the script that every page loads. */
export interface CallsHost {
  session: EventTarget & {
    readonly appId: string
    readonly state: State['name']
    readonly error: SessionError | null
  }
  /** Whether the page sleeps while it is hidden. */
  sleep?: boolean | null | undefined
  endpoint: string | URL
  /** The user id, if it was known before the start. */
  knownUserId: string | undefined
  /** With a token of the gateway, which names the user, `userId` is there and undefined. */
  credentials: {
    held(): (Pick<ClientFrameOf<'start'>, 'token' | 'signature'> & { userId?: undefined }) | null
  }
  runner: {
    state(): State
    send(frame: ClientFrameOf<'signal' | 'push'>): boolean
    feed(input: Extract<Input, { type: 'wake' | 'leave' }>): void
  }
  outbox: Pick<Outbox, 'add' | 'leave' | 'pending'>
  /** Returns a copy of a frame. Throws `bad-request` if a field does not pass its check. */
  checkedCopy: <F extends CallFrame>(frame: F, checks: CallChecks) => F
  /** Returns a user id as frames have it. Throws `bad-request` for a number that may have lost digits. */
  idText: <T>(id: T) => Exclude<T, number> | string
  /** Emits `pending` if `failed` has messages, or if anything else in the event has changed. */
  reportPending(failed: { id: string; to: string; error: SessionError }[]): void
  SessionError: typeof SessionError
}
