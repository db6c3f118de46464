import type { EngineEvent, InboxState, PeerState, UserRef } from '../engine.js'

/** Those counts of an app's data that have a limit. */
export interface Counts {
  guests: number
  inboxes: number
  bytes: number
  /** How many webhook events are pending, and about how many bytes they have. */
  events: number
  eventBytes: number
}

/** The ids of a session. */
export type SessionId = readonly [appId: string, userId: string, sessionId: string]

/** The events that the engine emits as scripts have sent them. */
type PassedOn = 'session-ended' | 'connection-replaced' | 'reauth' | 'push-due' | 'webhook-dropped'

/** What an event that a script or another node has sent says, by its type. */
type WireEvents = { [Type in PassedOn]: Omit<Extract<EngineEvent, { type: Type }>, 'type'> } & {
  /** `user` and `signal` are JSON. */
  'user-changed': UserRef & { user: string }
  signal: UserRef & { signal: string }
  /** `json` is the message without its offset. It is missing if the message is large: then the node reads the message from the inbox. */
  message: UserRef & { epoch: number; offset: number; json?: string }
  /** Only if messages with one peer were marked as read, the event has the `peer`. The id of the backend is empty. */
  read: UserRef & Omit<InboxState, 'epoch'> & { epoch: number; peer?: PeerState & { id: string } }
  presence: UserRef & { online: boolean; lastSeenAt?: number; at: number }
  /** The devices of a user, which are JSON, ended with the user. */
  'devices-ended': UserRef & { devices: string }
  /** The history or the generation of a server has another number; in a cluster, that of a partition. */
  history: { partition: number }
  'webhooks-due': { appId: string; partition: number }
  /** A session no longer uses its token. */
  'token-released': UserRef & { credential: string; use: string }
  /** The new values of changed counts. */
  counts: UserRef & { changed: Partial<Counts> }
  /** Another node's question, for sessions when each was last seen; and the answer. */
  asked: { from: string; id: number; question: string | readonly SessionId[] }
  answered: { id: number; answer: string | null }
}

export type WireEventOf<Type extends keyof WireEvents> = { type: Type } & WireEvents[Type]

/** An event in the form in which scripts write it. */
export type WireEvent = { [Type in keyof WireEvents]: WireEventOf<Type> }[keyof WireEvents]
