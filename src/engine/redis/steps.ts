import { StepLibrary, type StepOptions } from './script.js'

/** The keys of a step that may add webhook events. */
const events = ['sessions', 'queue', 'counts', 'numbers', 'due', 'events', 'pending', 'appQueue'] as const
/** The keys of a step that may end a session, and so may delete a guest. */
const sessions = ['user', ...events, 'users', 'live', 'deadlines', 'attached', 'state', 'watch'] as const
const inbox = ['inbox', 'unread', 'aging'] as const
/** The keys of a step that may delete messages. */
const deletions = [...inbox, 'peerLog', 'held'] as const
/** The keys of a step that puts messages back into an inbox. */
const restored = ['user', ...events, ...deletions, 'users', 'deadlines', 'state'] as const
const delivery = ['queue', 'due', 'events', 'pending', 'failed', 'counts', 'deadlines'] as const
/** The groups of keys that comments of scripts name, as in `…sessions`. */
export const keyGroups = { events, sessions, inbox, deletions, restored, delivery }
const again = { repeatable: true } as const
const reads = { repeatable: true, effect: 'reads' } as const
/** A mark only rises, so it can be set again. */
const marks: StepOptions = { ...again, remade: ([isSet]) => isSet === 1 }
const grows = { effect: 'grows' } as const

/** Makes every step. A step is repeatable if a second run with the same arguments has the same result. */
export const loadSteps = () => {
  const library = new StepLibrary()
  const step = library.step.bind(library)
  const batchStep = library.batchStep.bind(library)
  const command = library.command.bind(library)
  return {
    open: step('open', ['key', 'epochs', 'transfer', 'state'], again),
    check: step('check', ['check'], { ...again, ...grows }),
    configure: step('configure', ['apps', 'appNotes'], { ...again, ...grows }),
    touchApps: step('apps-touch', ['apps', 'appNotes', 'state'], again),
    published: step('nodes/published', ['check'], again),
    tellNode: step('nodes/node-tell', ['check'], again),
    noteState: step('state-note', ['state'], again),

    readUser: step('sessions/users/user-read', ['user', 'revoked'], reads),
    saveUser: step('sessions/users/user-save', ['user', ...events, 'users', 'deadlines', 'revoked'], {
      ...grows,
      // A user whom this step has created may have been deleted since, and must not come back.
      remade: ([outcome, , isNew]) => outcome === 'saved' && isNew === 0,
    }),
    deleteUser: step('sessions/users/user-delete', [...sessions, ...deletions]),
    status: step('sessions/status', [...sessions, 'revoked'], again),
    due: step('nodes/user-due', [...sessions, ...inbox, 'peerLog'], again),

    startSession: step('sessions/session-start', [...sessions, 'revoked', 'tombs', 'inbox'], grows),
    abandonSession: step('sessions/session-abandon', [...sessions, 'tombs'], again),
    changeSession: step('sessions/session-change', sessions, again),
    renewSession: step('sessions/session-renew', [...sessions, 'revoked', 'tombs'], again),
    restoreSession: step('sessions/session-restore', [...sessions, 'revoked', 'tombs'], again),
    watch: step('sessions/presence/watch', [], again),
    readCarried: step('recovery/sessions-carried', [], reads),
    readStates: step('recovery/user-states', ['state'], reads),
    endSession: step('sessions/session-end', [...sessions, 'tombs']),
    listSessions: step('sessions/session-list', sessions, again),
    detachNode: step('nodes/node-detach', sessions, again),

    revoke: step('sessions/revocations/revoke', [...sessions, 'revoked', 'tombs'], again),
    liftRevocation: step('sessions/revocations/revoke-lift', ['user', 'deadlines']),
    revokeApp: batchStep('sessions/revocations/revoke-app', ['revoked', 'numbers']),
    useToken: step('sessions/revocations/token-use', ['token'], again),
    releaseToken: step('sessions/revocations/token-release', ['token'], again),
    revokeToken: step('sessions/revocations/token-revoke', ['token', 'tokens'], again),
    readToken: command('token-read', 'HEXISTS', 'token', reads),

    send: step(
      'messages/send',
      [
        ...(['user', ...events, ...inbox, 'peerLog', 'users', 'deadlines', 'ownCopies'] as const),
        ...(['state', 'id', 'held', 'rate'] as const),
      ],
      { ...again, ...grows },
    ),
    restoreMessage: step('messages/message-restore', [...restored, 'id'], { ...again, ...grows }),
    restoreOwnCopy: step('messages/message-restore', [...restored, 'own'], { ...again, ...grows }),
    readSender: step('messages/sender-read', ['user', 'rate'], again),
    makeOwnCopy: step(
      'messages/own-copies/own-copy-make',
      ['user', ...deletions, 'counts', 'deadlines', 'state', 'own'],
      { ...again, ...grows },
    ),
    ownCopyMade: command('own-copy-made', 'HDEL', 'ownCopies', again),
    pendingOwnCopies: step('messages/own-copies/own-copies-pending', ['ownCopies'], reads),

    adoptGuest: step('messages/adoption/adopt-mark', [...sessions, ...deletions, 'revoked']),
    readAdopted: step('messages/adoption/adopted-read', ['user', ...inbox, 'counts'], reads),
    appendAdopted: step(
      'messages/adoption/adopted-append',
      ['user', ...events, ...deletions, 'deadlines', 'state', 'adopted'],
      { ...again, ...grows },
    ),
    dropAdopted: step('messages/adoption/adopted-drop', ['user', ...deletions, 'counts', 'deadlines'], again),
    endAdopted: command('adopted-end', 'PEXPIRE', 'adopted', again),
    readHeld: batchStep('messages/held-read', ['held'], reads),

    newestOffsets: step('messages/newest-offsets', ['state'], reads),
    readInbox: step('messages/inbox-page', ['user', ...inbox, 'counts', 'state'], reads),
    inboxPeers: step('messages/peers/inbox-peers', ['user', ...inbox, 'peerLog', 'state'], reads),
    readPeer: step(
      'messages/peers/peer-read',
      ['user', ...events, ...inbox, 'peerLog', 'deadlines', 'state'],
      marks,
    ),
    markRead: step('messages/inbox-read', ['user', ...events, ...inbox, 'deadlines', 'state'], marks),
    signal: step('signal', ['user']),
    expireInbox: step('nodes/inbox-expire', [...sessions, ...deletions], again),

    readPush: step('push/push-read', ['user'], reads),
    writePush: step('push/push-write', ['user', ...events, 'deadlines', 'state'], grows),
    ownPush: step('push/push-own', ['device'], again),
    readPushUnread: step('push/push-unread', ['user', ...inbox, 'counts', 'state'], reads),

    takeEvents: step('webhooks/events-take', ['due', 'events', 'deadlines']),
    endDelivery: step('webhooks/delivery-end', delivery, again),
    listEvents: batchStep('webhooks/events-list', ['due', 'events', 'pending', 'failed'], reads),
    replayEvent: step('webhooks/events-replay', delivery),
    eventsSummary: batchStep('webhooks/events-summary', ['events', 'pending'], reads),
    beginUnread: step('webhooks/unread-begin', ['user', ...inbox, 'deadlines'], again),
    unreadBegun: command('unread-begun', 'HSET', 'appNotes', again),
    eventsDue: batchStep('webhooks/events-due', ['due', 'events', 'deadlines']),

    listUsers: batchStep('sessions/users/list-users', ['users'], reads),
    listAppSessions: batchStep('sessions/list-sessions', ['live'], reads),
    listDue: batchStep('nodes/list-due', ['deadlines', 'ownCopies', 'state']),
    listAging: batchStep('nodes/list-aging', ['aging'], reads),
    listAttached: batchStep('nodes/list-attached', ['attached'], reads),
    listNodes: batchStep('nodes/list-nodes', ['attached'], reads),
    listHistories: batchStep('recovery/list-histories', ['state']),
    keepHistory: step('recovery/history-keep', ['state'], again),
    readCounts: batchStep('counts-read', ['counts'], reads),

    beat: step('nodes/node-beat', ['nodes', 'state'], again),
    removeNode: step('nodes/node-remove', ['nodes', 'state'], again),
  }
}

export type Steps = ReturnType<typeof loadSteps>
