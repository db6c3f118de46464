import type { ClientFrameOf, Profile } from '../../protocol/index.js'
import type { SessionError } from '../errors.js'
import type { InputOf, State } from '../machine/state.js'
import type { Presence, Signal } from '../messages.js'
import type { checkedCopy, Outbox } from '../storage/outbox.js'

/** Emits an event of the session. */
interface Emit {
  (type: 'signal', detail: { signal: Signal }): void
  (type: 'presence', detail: { users: Presence[] }): void
  (type: 'error', detail: { error: SessionError }): void
}

/** What the calls use of the session and of the script that every page loads. */
export interface CallsHost {
  session: EventTarget & {
    readonly appId: string
    /** The error with which the session ended, or with which its last attempt failed. */
    readonly error: SessionError | null
  }
  emit: Emit
  endpoint: string
  /** Whether the page sleeps while it is hidden. */
  sleep: boolean
  runner: {
    state(): State
    feed(input: InputOf<'wake' | 'leave' | 'told'>): void
    /** Sends a frame if the session is active, and returns whether it is. */
    send(frame: ClientFrameOf<'signal' | 'push'>): boolean
  }
  /** Sets the profile that the next start sends. */
  setStartProfile(profile: Profile): void
  outbox: Pick<Outbox, 'add' | 'pending'>
  checkedCopy: typeof checkedCopy
  /** Returns a user id as frames have it. Throws `bad-request` for a number that may have lost digits. */
  idText: <T>(id: T) => Exclude<T, number> | string
  SessionError: typeof SessionError
}
