export { ChatSession, type Draft, type HistoryRange, type Sent, type StartResult } from './session.js'
export { SessionError, type SessionErrorCode, type SessionErrorOptions } from './errors.js'
export { TokenNeededEvent, type SessionEventMap, type SessionState, type StateDetail } from './events.js'
export type {
  AskReason,
  Credentials,
  SessionOptions,
  SessionUser,
  StartOptions,
  TokenAsk,
  TokenFetcher,
} from './options.js'
export type { ClientCode, JsonObject, Message, Profile, User } from '../protocol/index.js'
export { VERSION } from '../protocol/index.js'
