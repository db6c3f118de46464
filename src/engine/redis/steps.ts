import type { MessageCalls } from './calls/messages.js'
import type { NodeCalls } from './calls/nodes.js'
import type { SessionCalls } from './calls/sessions.js'
import type { UserCalls } from './calls/users.js'
import type { WebhookCalls } from './calls/webhooks.js'
import type { KeyKind } from './keys.js'

/** What each step takes and returns. A batch step returns this for each partition. The engine and the scripts share these types. */
export type StepCalls = SessionCalls & UserCalls & MessageCalls & NodeCalls & WebhookCalls
export type StepName = keyof StepCalls
export type Takes<Name extends StepName> = Readonly<StepCalls[Name]['takes']>
export type Returns<Name extends StepName> = StepCalls[Name]['returns']

/** What the client and the library need to know of a script. */
export interface StepRow<Name extends StepName = StepName> {
  /** The kinds of the keys that the script may use. */
  readonly keys: readonly KeyKind[]
  /** Whether a second run with the same arguments has the same result. */
  readonly repeatable?: boolean
  /**
   * What the script does with the data. A script that only `reads` runs even on a server that is out of memory, has too few replicas, or
   * can't write to its disk. A script that `grows` the data does not. Any other script frees memory or needs hardly any, so it runs on a
   * server that is only out of memory.
   */
  readonly effect?: 'reads' | 'grows'
  /** Whether one call runs the script in several partitions. Then the result has that of each partition. */
  readonly isBatch?: boolean
  /** A step that is one command of Redis has no script. The step's arguments follow the key in the command. */
  readonly command?: string
  /** Says by the result whether the step runs again after a failover. That changes nothing, unless the failover has lost the change. */
  remade?(result: Returns<Name>): boolean
  /** Whether a call that runs again names an epoch. */
  readonly namesEpoch?: boolean
}

/** The keys of a step that may add webhook events. */
const events = ['sessions', 'queue', 'counts', 'numbers', 'due', 'events', 'pending', 'appQueue'] as const
/** The keys of a step that may end a session, and so may delete a guest. */
const sessions = ['user', ...events, 'users', 'live', 'deadlines', 'attached', 'state', 'watch'] as const
const inbox = ['inbox', 'unread', 'aging'] as const
/** The keys of a step that may delete messages. */
const deletions = [...inbox, 'peerLog', 'held'] as const
const delivery = ['queue', 'due', 'events', 'pending', 'failed', 'counts', 'deadlines'] as const
const again = { repeatable: true } as const
const reads = { repeatable: true, effect: 'reads' } as const
const batch = { repeatable: true, isBatch: true } as const
const grows = { effect: 'grows' } as const

/** Every step. `scripts/library.ts` has the script of each, and `script.ts` what the client needs of it. */
export const steps = {
  open: { keys: ['key', 'epochs', 'transfer', 'state'], ...again },
  check: { keys: ['check'], ...again, ...grows },
  configure: { keys: ['apps', 'appNotes'], ...again, ...grows },
  touchApps: { keys: ['apps', 'appNotes', 'state'], ...again },
  published: { keys: ['check'], ...again },
  tellNode: { keys: ['check'], ...again },
  noteState: { keys: ['state'], ...again },

  readUser: { keys: ['user', 'revoked'], ...reads },
  saveUser: {
    keys: ['user', ...events, 'users', 'deadlines', 'revoked'],
    ...grows,
    // A user whom this step has created may have been deleted since, and must not come back.
    remade: ([outcome, , isNew]) => outcome === 'saved' && isNew === 0,
  },
  deleteUser: { keys: [...sessions, ...deletions] },
  status: { keys: [...sessions, 'revoked'], ...again },
  due: { keys: [...sessions, ...inbox, 'peerLog'], ...again },

  startSession: { keys: [...sessions, 'revoked', 'tombs', 'inbox'], ...grows },
  abandonSession: { keys: [...sessions, 'tombs'], ...again },
  changeSession: { keys: sessions, ...again },
  renewSession: { keys: [...sessions, 'revoked', 'tombs'], ...again },
  restoreSession: { keys: [...sessions, 'revoked', 'tombs'], ...again },
  watch: { keys: [], ...again },
  readCarried: { keys: [], ...reads },
  readStates: { keys: ['state'], ...reads },
  endSession: { keys: [...sessions, 'tombs'] },
  listSessions: { keys: sessions, ...again },
  detachNode: { keys: sessions, ...again },

  revoke: { keys: [...sessions, 'revoked', 'tombs'], ...again },
  liftRevocation: { keys: ['user', 'deadlines'] },
  revokeApp: { keys: ['revoked', 'numbers'], ...batch },
  useToken: { keys: ['token'], ...again },
  releaseToken: { keys: ['token'], ...again },
  revokeToken: { keys: ['token', 'tokens'], ...again },
  readToken: { keys: ['token'], command: 'HEXISTS', ...reads },

  send: {
    keys: [
      ...(['user', ...events, ...inbox, 'peerLog', 'users', 'deadlines', 'ownCopies'] as const),
      ...(['state', 'id', 'held', 'rate'] as const),
    ],
    ...again,
    ...grows,
  },
  // The hashed key is `id` or `own`: their names do not differ.
  restoreMessage: {
    keys: ['user', ...events, ...deletions, 'users', 'deadlines', 'state', 'id'],
    ...again,
    ...grows,
  },
  readSender: { keys: ['user', 'rate'], ...again },
  makeOwnCopy: { keys: ['user', ...deletions, 'counts', 'deadlines', 'state', 'own'], ...again, ...grows },
  ownCopyMade: { keys: ['ownCopies'], command: 'HDEL', ...again },
  pendingOwnCopies: { keys: ['ownCopies'], ...reads },

  adoptGuest: { keys: [...sessions, ...deletions, 'revoked'] },
  readAdopted: { keys: ['user', ...inbox, 'counts'], ...reads },
  appendAdopted: {
    keys: ['user', ...events, ...deletions, 'deadlines', 'state', 'adopted'],
    ...again,
    ...grows,
  },
  dropAdopted: { keys: ['user', ...deletions, 'counts', 'deadlines'], ...again },
  endAdopted: { keys: ['adopted'], command: 'PEXPIRE', ...again },
  readHeld: { keys: ['held'], command: 'HMGET', ...batch, ...reads },

  newestOffsets: { keys: ['state'], ...reads },
  readInbox: { keys: ['user', ...inbox, 'counts', 'state'], ...reads },
  inboxPeers: { keys: ['user', ...inbox, 'peerLog', 'state'], ...reads },
  markRead: {
    keys: ['user', ...events, ...inbox, 'peerLog', 'deadlines', 'state'],
    ...again,
    // A mark only rises, so it can be set again.
    remade: ([isComparable]) => isComparable === 1,
    namesEpoch: true,
  },
  signal: { keys: ['user'] },
  expireInbox: { keys: [...sessions, ...deletions], ...again },

  readPush: { keys: ['user'], ...reads },
  writePush: { keys: ['user', ...events, 'deadlines', 'state'], ...grows },
  ownPush: { keys: ['device'], ...again },
  readPushUnread: { keys: ['user', ...inbox, 'counts', 'state'], ...reads },

  takeEvents: { keys: ['due', 'events', 'deadlines'] },
  endDelivery: { keys: delivery, ...again },
  listEvents: { keys: ['due', 'events', 'pending', 'failed'], ...batch, ...reads },
  replayEvent: { keys: delivery },
  eventsSummary: { keys: ['events', 'pending'], ...batch, ...reads },
  beginUnread: { keys: ['user', ...inbox, 'deadlines'], ...again },
  unreadBegun: { keys: ['appNotes'], command: 'HSET', ...again },
  eventsDue: { keys: ['due', 'events', 'deadlines'], ...batch },

  listUsers: { keys: ['users'], ...batch, ...reads },
  listAppSessions: { keys: ['live'], ...batch, ...reads },
  listDue: { keys: ['deadlines', 'ownCopies', 'state'], ...batch },
  listAging: { keys: ['aging'], ...batch, ...reads },
  listAttached: { keys: ['attached'], ...batch, ...reads },
  listNodes: { keys: ['attached'], ...batch, ...reads },
  listHistories: { keys: ['state'], ...batch },
  keepHistory: { keys: ['state'], ...again },
  readCounts: { keys: ['counts'], command: 'HMGET', ...batch, ...reads },

  beat: { keys: ['nodes', 'state'], ...again },
  removeNode: { keys: ['nodes', 'state'], ...again },

  readRows: { keys: [], ...reads },
  writeRows: { keys: [], ...grows },
} satisfies { [Name in StepName]: StepRow<Name> }

/** The steps that one call can run in several partitions. */
export type BatchStepName = {
  [Name in StepName]: (typeof steps)[Name] extends { isBatch: true } ? Name : never
}[StepName]
/** The steps that have a script. */
export type ScriptName = {
  [Name in StepName]: (typeof steps)[Name] extends { command: string } ? never : Name
}[StepName]
