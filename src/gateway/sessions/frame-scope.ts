import type { SessionRef, UserRecord } from '../../engine/index.js'
import type { Message } from '../../protocol/index.js'
import type { App } from '../apps/app.js'
import type { Said } from '../messages/own-profile.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { Delivery } from './messages/delivery.js'
import type { Renewals } from './renewals.js'
import type { Refuse, SessionContext } from './session-context.js'
import type { UserLimits } from './user-limits.js'

/** A live session, for the functions that answer its client's frames. */
export interface FrameScope {
  readonly context: SessionContext
  readonly app: App
  readonly user: SessionRef
  readonly epoch: string
  /** The origin of the client's page; null for a client that is not a browser. */
  readonly origin: string | null
  /** The app's key as `started` has told it to the client, which a reload may have changed since; undefined if it told none. */
  readonly pushKey: string | undefined
  readonly connection: ConnectionHandle
  readonly limits: UserLimits
  readonly delivery: Delivery
  readonly renewals: Renewals
  /** Returns the `sender` of the session's messages; undefined if they carry the stored profile of the user. */
  readonly sender: () => Message['sender'] | undefined
  /** Called with what a frame of the client says about the user, and with the user's record after it. */
  readonly say: (said: Said, user: UserRecord) => void
  readonly refuse: Refuse
}
