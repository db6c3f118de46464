import type { KeyKind } from './keys.js'
import { defineBatchStep, defineStep } from './script.js'

/** The keys of webhook events. */
const events = ['sessions', 'queue', 'counts', 'due', 'events', 'pending', 'appQueue'] as const
/** The keys of a step that may end a session, and so may delete a guest. */
const sessions = ['user', ...events, 'users', 'live', 'deadlines', 'attached', 'state', 'watch'] as const
const inbox = ['inbox', 'unread', 'aging'] as const
/** The keys of a step that may delete messages. */
const deletions = [...inbox, 'peers', 'held'] as const
const delivery = ['queue', 'due', 'events', 'pending', 'failed', 'counts'] as const
const withDelivery = { parts: ['queue', 'events'] } as const
const withSessions = { parts: ['state', 'queue', 'webhooks', 'sessions'] } as const
const withInbox = { parts: ['state', 'queue', 'webhooks', 'sessions', 'inbox'] } as const
const reads = { repeatable: true } as const

/** Makes every step. A step is repeatable if a second run with the same arguments has the same result. */
export const loadSteps = () => {
  const onSession = (name: string, more: readonly KeyKind[] = [], repeatable = true) =>
    defineStep(name, [...sessions, ...more], { ...withSessions, repeatable })
  return {
    open: defineStep('open', ['key', 'epochs', 'apps', 'transfer'], reads),
    check: defineStep('check', ['check'], reads),
    configure: defineStep('configure', ['apps'], reads),
    tellNode: defineStep('nodes/node-tell', ['check'], reads),

    readUser: defineStep('sessions/users/user-read', ['user'], reads),
    saveUser: defineStep('sessions/users/user-save', ['user', ...events, 'users', 'deadlines', 'revoked'], {
      parts: ['queue', 'webhooks'],
    }),
    deleteUser: defineStep('sessions/users/user-delete', [...sessions, ...deletions], withInbox),
    status: onSession('sessions/status', ['revoked']),
    due: defineStep('nodes/user-due', [...sessions, ...inbox], { ...withInbox, repeatable: true }),

    startSession: onSession('sessions/session-start', ['revoked', 'tombs'], false),
    abandonSession: onSession('sessions/session-abandon', ['tombs']),
    confirmSession: onSession('sessions/session-confirm'),
    renewSession: onSession('sessions/session-renew', ['revoked', 'tombs']),
    restoreSession: onSession('sessions/session-restore', ['revoked', 'tombs']),
    watch: defineStep('sessions/presence/watch', [], reads),
    touchSessions: defineStep('sessions/sessions-touch', [], reads),
    readCarried: defineStep('sessions/sessions-carried', [], reads),
    hideSession: onSession('sessions/session-hide'),
    detachSession: onSession('sessions/session-detach', [], false),
    endSession: onSession('sessions/session-end', [], false),
    listSessions: onSession('sessions/session-list'),
    detachNode: onSession('nodes/node-detach'),

    revoke: onSession('sessions/revocations/revoke', ['revoked']),
    liftRevocation: defineStep('sessions/revocations/revoke-lift', ['user', 'deadlines']),
    revokeApp: defineBatchStep('sessions/revocations/revoke-app', ['revoked', 'counts']),
    readRevocation: defineStep('sessions/revocations/revoked-read', ['user', 'revoked'], reads),
    useToken: defineStep('sessions/revocations/token-use', ['token'], reads),
    releaseToken: defineStep('sessions/revocations/token-release', ['token'], reads),
    revokeToken: defineStep('sessions/revocations/token-revoke', ['token', 'tokens'], reads),
    readToken: defineStep('sessions/revocations/token-read', ['token'], reads),
    endToken: onSession('sessions/revocations/token-end', ['tombs']),

    send: defineStep(
      'messages/send',
      [
        ...['user', ...events, ...inbox, 'peers', 'users', 'deadlines', 'ownCopies', 'state', 'id', 'held'],
        ...['from.user', 'from.inbox', 'from.unread', 'from.aging', 'from.peers', 'from.counts', 'from.rate'],
      ] as KeyKind[],
      { parts: ['state', 'queue', 'webhooks', 'inbox', 'rate'], repeatable: true },
    ),
    trimInbox: defineStep('messages/inbox-trim', ['user', ...deletions, 'counts', 'deadlines'], {
      parts: ['inbox'],
      ...reads,
    }),
    readSender: defineStep('messages/sender-read', ['user', 'rate'], { parts: ['rate'], ...reads }),
    makeOwnCopy: defineStep(
      'messages/own-copies/own-copy-make',
      ['user', ...deletions, 'counts', 'deadlines', 'state', 'own'],
      {
        parts: ['state', 'inbox'],
        repeatable: true,
      },
    ),
    ownCopyMade: defineStep('messages/own-copies/own-copy-made', ['ownCopies'], reads),
    pendingOwnCopies: defineStep('messages/own-copies/own-copies-pending', ['ownCopies'], reads),

    adoptGuest: defineStep('messages/adoption/adopt-mark', [...sessions, ...deletions, 'revoked'], withInbox),
    readAdopted: defineStep('messages/adoption/adopted-read', ['user', ...inbox, 'counts'], {
      parts: ['inbox'],
      ...reads,
    }),
    appendAdopted: defineStep(
      'messages/adoption/adopted-append',
      ['user', ...events, ...deletions, 'deadlines', 'state', 'adopted'],
      { parts: ['state', 'queue', 'webhooks', 'inbox'], repeatable: true },
    ),
    dropAdopted: defineStep('messages/adoption/adopted-drop', ['user', ...deletions, 'counts', 'deadlines'], {
      parts: ['inbox'],
      repeatable: true,
    }),
    endAdopted: defineStep('messages/adoption/adopted-end', ['adopted'], reads),
    readHeld: defineBatchStep('messages/held-read', ['held']),

    inboxState: defineStep('messages/inbox-state', ['user', 'state'], { parts: ['state'], ...reads }),
    newestOffsets: defineStep('messages/newest-offsets', ['state'], { parts: ['state'], ...reads }),
    messagesAfter: defineStep('messages/inbox-after', ['user', ...inbox, 'counts', 'state'], {
      parts: ['state', 'inbox'],
      ...reads,
    }),
    messagesBefore: defineStep('messages/inbox-before', ['user', ...inbox, 'counts', 'state'], {
      parts: ['state', 'inbox'],
      ...reads,
    }),
    inboxPeers: defineStep('messages/peers/inbox-peers', ['user', ...inbox, 'peers', 'state'], {
      parts: ['state', 'inbox', 'peers'],
      ...reads,
    }),
    peerExchanges: defineStep('messages/peers/peer-exchanges', ['user', ...inbox, 'peers'], {
      parts: ['inbox', 'peers'],
      ...reads,
    }),
    peerMessages: defineStep('messages/peers/peer-messages', ['user', ...inbox, 'state'], {
      parts: ['state', 'inbox'],
      ...reads,
    }),
    readPeer: defineStep(
      'messages/peers/peer-read',
      ['user', ...events, ...inbox, 'peers', 'deadlines', 'state'],
      { parts: ['state', 'queue', 'webhooks', 'inbox', 'peers'], repeatable: true },
    ),
    markRead: defineStep('messages/inbox-read', ['user', ...events, ...inbox, 'deadlines', 'state'], {
      parts: ['state', 'queue', 'webhooks', 'inbox'],
      repeatable: true,
    }),
    signal: defineStep('messages/signal', ['user']),
    expireInbox: defineStep('nodes/inbox-expire', [...sessions, ...deletions], {
      ...withInbox,
      repeatable: true,
    }),

    readPush: defineStep('push/push-read', ['user'], reads),
    writePush: defineStep('push/push-write', ['user', ...events, 'deadlines', 'state'], {
      parts: ['state', 'queue', 'webhooks'],
    }),
    ownPush: defineStep('push/push-own', ['device'], reads),
    readPushUnread: defineStep('push/push-unread', ['user', ...inbox, 'counts', 'state'], {
      parts: ['state', 'inbox'],
      ...reads,
    }),

    takeEvents: defineStep('webhooks/events-take', ['due', 'events'], { parts: ['events'] }),
    endDelivery: defineStep('webhooks/delivery-end', [...delivery], { ...withDelivery, repeatable: true }),
    listEvents: defineBatchStep('webhooks/events-list', ['due', 'events', 'pending', 'failed'], ['events']),
    replayEvent: defineStep('webhooks/events-replay', [...delivery], withDelivery),
    eventsSummary: defineBatchStep('webhooks/events-summary', ['events', 'pending']),
    eventsDue: defineBatchStep('webhooks/events-due', ['due', 'events'], ['events']),

    listUsers: defineBatchStep('sessions/users/list-users', ['users']),
    listAppSessions: defineBatchStep('sessions/list-sessions', ['live']),
    listDue: defineBatchStep('nodes/list-due', ['deadlines', 'ownCopies', 'state'], ['state']),
    listAging: defineBatchStep('nodes/list-aging', ['aging']),
    listAttached: defineBatchStep('nodes/list-attached', ['attached']),
    listNodes: defineBatchStep('nodes/list-nodes', ['attached']),
    listGenerations: defineBatchStep('nodes/list-generations', ['state'], ['state']),
    readCounts: defineBatchStep('counts-read', ['counts']),

    beat: defineStep('nodes/node-beat', ['nodes', 'state'], { parts: ['state'], ...reads }),
    removeNode: defineStep('nodes/node-remove', ['nodes'], reads),
  }
}

export type Steps = ReturnType<typeof loadSteps>
