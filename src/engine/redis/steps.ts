import type { KeyKind } from './keys.js'
import { defineBatchStep, defineStep } from './script.js'

/** The keys of webhook events. */
const events = ['sessions', 'queue', 'counts', 'due', 'events', 'owed'] as const
/** The keys of a step that may end a session, which may delete a guest. */
const sessions = ['user', ...events, 'users', 'live', 'deadlines', 'attached', 'state'] as const
const inbox = ['inbox', 'unread', 'aging'] as const
const withSessions = { parts: ['state', 'webhooks', 'sessions'] } as const
const withInbox = { parts: ['state', 'webhooks', 'sessions', 'inbox'] } as const
const reads = { repeatable: true } as const

/** Every step. A step that may run twice with the same arguments and result is repeatable. */
export const loadSteps = () => {
  const onSession = (name: string, more: readonly KeyKind[] = [], repeatable = true) =>
    defineStep(name, [...sessions, ...more], { ...withSessions, repeatable })
  return {
    open: defineStep('open', ['key', 'epochs', 'apps', 'copying'], reads),
    check: defineStep('check', ['check'], reads),
    configure: defineStep('configure', ['apps'], reads),

    readUser: defineStep('user-read', ['user'], reads),
    saveUser: defineStep('user-save', ['user', ...events, 'users', 'deadlines'], { parts: ['webhooks'] }),
    deleteUser: onSession('user-delete', inbox, false),
    status: onSession('status', ['revoked']),
    due: defineStep('user-due', [...sessions, ...inbox], { ...withInbox, repeatable: true }),

    startSession: onSession('session-start', ['revoked', 'tombs'], false),
    confirmSession: onSession('session-confirm'),
    renewSession: onSession('session-renew', ['revoked', 'tombs']),
    touchSessions: defineStep('sessions-touch', [], reads),
    hideSession: onSession('session-hide'),
    detachSession: onSession('session-detach', [], false),
    endSession: onSession('session-end', [], false),
    listSessions: onSession('session-list'),
    detachNode: onSession('node-detach'),

    revoke: onSession('revoke', ['revoked']),
    liftRevocation: defineStep('revoke-lift', ['user', 'deadlines']),
    revokeApp: defineBatchStep('revoke-app', ['revoked', 'counts']),
    readRevocation: defineStep('revoked-read', ['user', 'revoked'], reads),
    useToken: defineStep('token-use', ['token'], reads),
    revokeToken: defineStep('token-revoke', ['token', 'tokens'], reads),
    readToken: defineStep('token-read', ['token'], reads),
    endToken: onSession('token-end', ['tombs']),

    send: defineStep(
      'send',
      [
        ...['user', ...events, ...inbox, 'deadlines', 'pending', 'state', 'id'],
        ...['from.user', 'from.inbox', 'from.unread', 'from.aging', 'from.counts', 'from.rate'],
      ] as KeyKind[],
      { parts: ['state', 'webhooks', 'inbox', 'rate'], repeatable: true },
    ),
    trimInbox: defineStep('inbox-trim', ['user', ...inbox, 'counts', 'deadlines'], {
      parts: ['inbox'],
      ...reads,
    }),
    readSender: defineStep('sender-read', ['user', 'rate'], { parts: ['rate'], ...reads }),
    copy: defineStep('send-copy', ['user', ...inbox, 'counts', 'deadlines', 'state', 'copy'], {
      parts: ['state', 'inbox'],
      repeatable: true,
    }),
    copyDone: defineStep('send-done', ['pending'], reads),
    owedCopies: defineStep('send-owed', ['pending'], reads),

    inboxState: defineStep('inbox-state', ['user', 'state'], { parts: ['state'], ...reads }),
    newestOffsets: defineStep('newest-offsets', ['state'], { parts: ['state'], ...reads }),
    messagesAfter: defineStep('inbox-after', ['user', ...inbox, 'counts', 'state'], {
      parts: ['state', 'inbox'],
      ...reads,
    }),
    messagesBefore: defineStep('inbox-before', ['user', ...inbox, 'counts', 'state'], {
      parts: ['state', 'inbox'],
      ...reads,
    }),
    markRead: defineStep('inbox-read', ['user', ...events, ...inbox, 'deadlines', 'state'], {
      parts: ['state', 'webhooks', 'inbox'],
      repeatable: true,
    }),
    expireInbox: defineStep('inbox-expire', [...sessions, ...inbox], { ...withInbox, repeatable: true }),

    takeEvents: defineStep('events-take', ['due', 'events'], { parts: ['events'] }),
    endDelivery: defineStep('events-settle', ['queue', 'due', 'events', 'owed', 'failed'], {
      parts: ['events'],
      repeatable: true,
    }),
    listEvents: defineBatchStep('events-list', ['due', 'events', 'owed', 'failed'], ['events']),
    replayEvent: defineStep('events-replay', ['queue', 'due', 'events', 'owed', 'failed'], {
      parts: ['events'],
    }),
    eventsSummary: defineBatchStep('events-summary', ['events', 'owed']),
    eventsDue: defineBatchStep('events-due', ['due', 'events'], ['events']),

    listUsers: defineBatchStep('list-users', ['users']),
    listAppSessions: defineBatchStep('list-sessions', ['live']),
    listDue: defineBatchStep('list-due', ['deadlines', 'pending', 'state'], ['state']),
    listAging: defineBatchStep('list-aging', ['aging']),
    listAttached: defineBatchStep('list-attached', ['attached']),
    readCounts: defineBatchStep('counts-read', ['counts']),

    beat: defineStep('node-beat', ['nodes', 'state'], { parts: ['state'], ...reads }),
    removeNode: defineStep('node-remove', ['nodes'], reads),
  }
}

export type Steps = ReturnType<typeof loadSteps>
