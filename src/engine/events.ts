import type { EndCode, Message } from '../protocol/index.js'
import type { InboxState, PeerState, Signal } from './inbox-records.js'
import type { SessionRef, UserPresence, UserRecord, UserRef } from './records.js'

/** A session has ended. If the client of a detached session did not come back in time, the code is `timeout`. */
export interface SessionEnded {
  type: 'session-ended'
  session: SessionRef
  code: EndCode
}
/** Another connection has resumed the session that `connectionId` carried. */
export interface ConnectionReplaced {
  type: 'connection-replaced'
  session: SessionRef
  connectionId: string
}
/** The profile of an existing user has changed. */
export interface UserChanged {
  type: 'user-changed'
  user: UserRecord
}
/** A message in this user's inbox is durable. The events of an inbox come in offset order. */
export interface MessageStored {
  type: 'message'
  user: UserRef
  epoch: string
  message: Message
  /** `message` as JSON, if the engine has it. Then the gateway need not serialize the message for each session. */
  json?: string | undefined
}
/**
 * The user's inbox has another epoch, because the engine may have lost messages that it had acknowledged. A gateway closes the connections
 * of clients that know the earlier epoch, so that these clients read the inbox again.
 */
export interface EpochChanged {
  type: 'epoch-changed'
  user: UserRef
  epoch: string
}
/**
 * A read mark of the user's inbox has moved: the mark of the inbox or of a peer. Or the inbox has got messages of an adopted guest
 * that count as read. The event may come after the event of a message that it does not count: `inbox.offset` says which ones it counts.
 * It may also come after the event or the answer of a later mark: of two states with the same `offset`, the later one has no greater
 * `unread` and no smaller `readOffset`.
 */
export interface MessagesRead {
  type: 'read'
  user: UserRef
  inbox: InboxState
  /** The peer whose mark has moved; undefined if no peer's mark has moved. */
  peer?: PeerState | undefined
}
/** Another user, or the app's backend, has sent a signal to the user. */
export interface SignalSent {
  type: 'signal'
  user: UserRef
  signal: Signal
}
/** A watched user has come online or gone offline. */
export interface PresenceChanged extends Pick<UserPresence, 'online' | 'lastSeenAt'> {
  type: 'presence'
  user: UserRef
}
/** The session's credentials were revoked with `reauth`, so its gateway asks the client for new ones. */
export interface ReauthRequested {
  type: 'reauth'
  session: SessionRef
}
/**
 * A webhook event of the app is perhaps due. `takeDueEvents` returns the webhook events that are due. The engine that added the webhook
 * event emits `webhooks-due`. The engine that leased a webhook event (see `takeDueEvents`) emits `webhooks-due` when the lease ends, or
 * when the wait for a retry ends. If the gateway that listens to that engine does not take the webhook event, another engine on the same
 * data emits `webhooks-due` later.
 */
export interface WebhooksDue {
  type: 'webhooks-due'
  appId: string
}
/**
 * A webhook event was dropped, because the user or the app had too many pending events. The engine that dropped the webhook event emits
 * `webhook-dropped`.
 */
export interface WebhookDropped {
  type: 'webhook-dropped'
  appId: string
  eventType: string
}
/**
 * A message perhaps has to be pushed to the user's devices. Only one of the gateways that share the data gets this event, and answers it
 * with `endPushes`. Without this answer one of the gateways gets the event again after `engineRules.pushLease` milliseconds.
 */
export interface PushDue {
  type: 'push-due'
  user: UserRef
}
/**
 * The store no longer has this gateway's sessions as its own. This gateway closes its connections, so that the clients start again.
 */
export interface LeaseLost {
  type: 'lease-lost'
  /**
   * `taken-over`: the other gateways on the same data have counted this gateway as dead, because its process was paused or cut off from
   * the data. Perhaps their connections carry its sessions now. `data-lost`: the store was emptied, or came back empty.
   */
  cause: 'taken-over' | 'data-lost'
}
/** An event that an engine emits to the gateways that listen to it. */
export type EngineEvent =
  | SessionEnded
  | ConnectionReplaced
  | UserChanged
  | MessageStored
  | EpochChanged
  | MessagesRead
  | SignalSent
  | PresenceChanged
  | ReauthRequested
  | WebhooksDue
  | WebhookDropped
  | PushDue
  | LeaseLost
