export { ChatSession, type StartResult } from './session.js'
export type {
  HistoryRange,
  Peer,
  PeersPage,
  PeersRange,
  PushSubscriber,
  PushSubscriptionFields,
  Presence,
  Sent,
  Signal,
  SignalOptions,
} from './messages.js'
export type { Trace } from './trace.js'
export { SessionError, type SessionErrorCode, type SessionErrorOptions } from './errors.js'
export {
  TokenNeededEvent,
  type ErrorDetail,
  type FailedSend,
  type MessageDetail,
  type PendingDetail,
  type PresenceDetail,
  type SessionEventDetails,
  type SessionEventMap,
  type SessionState,
  type SignalDetail,
  type StateDetail,
  type UnreadDetail,
  type UserDetail,
} from './events.js'
export type {
  AskReason,
  Credentials,
  SessionOptions,
  SessionUser,
  StartOptions,
  TokenAsk,
  TokenFetcher,
  WebSocketClass,
} from './options.js'
export type { ClientCode, JsonObject, Message, NewMessage, Profile, User } from '../protocol/index.js'
export { VERSION } from '../protocol/index.js'
