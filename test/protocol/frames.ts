/* Every frame of docs/PROTOCOL.md, written by hand. The tests compare it with the code's table. */

interface Field {
  takes(value: unknown): boolean
  optional?: boolean
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isProfile = (value: unknown): boolean =>
  isObject(value) && !('name' in (value as object) && !isText((value as { name: unknown }).name))

const text: Field = { takes: isText }
const flag: Field = { takes: (value) => typeof value === 'boolean' }
const number: Field = { takes: (value) => typeof value === 'number' }
const count: Field = { takes: (value) => value === 0 }
const object: Field = { takes: isObject }
const profile: Field = { takes: isProfile }
/** Whether a value is an object that is not among the wrong values. */
const whole: Field = { takes: () => false }
const emptyList: Field = { takes: (value) => Array.isArray(value) && value.length === 0 }
const optional = (field: Field): Field => ({ ...field, optional: true })
const nullable = (field: Field): Field => ({
  ...field,
  takes: (value) => value === null || field.takes(value),
})

const message = {
  offset: count,
  id: text,
  from: nullable(text),
  to: text,
  sender: nullable(profile),
  body: optional(text),
  data: optional(object),
  sentAt: number,
  adopted: optional({ takes: (value) => value === true }),
}

export const fields: Record<string, Record<string, Record<string, Field>>> = {
  client: {
    start: {
      appId: text,
      token: optional(text),
      signature: optional(text),
      authParams: optional(object),
      guest: optional({ takes: (value) => value === true }),
      userId: optional(text),
      user: optional(object),
      resume: optional(whole),
      since: optional(whole),
      adopt: optional(text),
      hidden: optional({ takes: (value) => value === true }),
      client: optional(text),
    },
    token: { token: text },
    send: { id: text, to: text, body: optional(text), data: optional(object), traceparent: optional(text) },
    history: {
      id: text,
      epoch: text,
      after: optional(count),
      before: optional(count),
      limit: optional(count),
      with: optional(nullable(text)),
    },
    read: { epoch: text, offset: count, with: optional(nullable(text)) },
    peers: { id: text, limit: optional(count), before: optional(whole) },
    profile: { user: profile },
    signal: { to: text, name: text, data: optional(object), ttl: optional(number) },
    watch: { users: { takes: (value) => Array.isArray(value) && value.length === 0 } },
    push: { subscription: nullable(whole), endpoint: optional(text) },
    visibility: { hidden: flag },
    pong: {},
    end: {},
  },
  gateway: {
    started: {
      sessionId: text,
      user: whole,
      guest: flag,
      resumed: flag,
      resumeKey: text,
      resumeWindow: number,
      epoch: text,
      offset: count,
      lost: flag,
      unread: count,
      expiresIn: nullable(number),
      pingInterval: number,
      sendWindow: number,
      reconnectWindow: optional(number),
      token: optional(text),
      adopted: optional(nullable(whole)),
      pushKey: optional(text),
      can: optional({ takes: (value) => Array.isArray(value) && value.length === 0 }),
    },
    renewed: { expiresIn: nullable(number), reauth: optional({ takes: (value) => value === true }) },
    message,
    sent: { id: text, offset: count, sentAt: number },
    history: { id: text, messages: emptyList, next: optional(count) },
    unread: {
      unread: count,
      readOffset: count,
      with: optional(nullable(text)),
      unreadWith: optional(count),
      readOffsetWith: optional(count),
    },
    peers: { id: text, peers: emptyList, next: optional(whole) },
    user: { user: whole },
    presence: { users: { takes: (value) => Array.isArray(value) && value.length === 0 } },
    signal: { from: nullable(text), name: text, data: optional(object), ttl: number },
    refused: {
      re: text,
      id: optional(text),
      code: text,
      message: text,
      retryable: flag,
      retryAfter: optional(number),
    },
    ping: {},
    ended: { code: text, message: text, retryable: flag, retryAfter: optional(number) },
  },
}

const everyProfileField = {
  name: 'Ann',
  email: 'ann@example.com',
  photoUrl: 'https://example.com/ann.png',
  locale: 'en',
  role: 'buyer',
  custom: { plan: 'gold' },
}

const wholeMessage = {
  offset: 1,
  id: 'm1',
  from: null,
  to: 'ann',
  sender: { name: 'Ann', photoUrl: 'https://example.com/ann.png' },
  body: 'Hello',
  data: { order: 7 },
  sentAt: 1_700_000_000_000,
  adopted: true,
}

const wholePeer = {
  id: null,
  name: 'Ann',
  photoUrl: 'https://example.com/ann.png',
  unread: 1,
  readOffset: 3,
  newest: wholeMessage,
}

/** One frame of each type, with all its fields. */
export const wholeFrames: Record<string, Record<string, Record<string, unknown>>> = {
  client: {
    start: {
      appId: 'app',
      token: 'a.b.c',
      signature: '00',
      authParams: { a: 1 },
      guest: true,
      userId: 'ann',
      user: everyProfileField,
      resume: { key: 'k', epoch: 'e', offset: 3 },
      since: { epoch: 'e', offset: 3 },
      adopt: 'a.b.c',
      hidden: true,
      client: 'test/1',
    },
    token: { token: 'a.b.c' },
    send: { id: 'm1', to: 'bob', body: 'Hello', data: { order: 7 }, traceparent: '00-' },
    history: { id: 'h1', epoch: 'e', after: 1, before: 9, limit: 50, with: null },
    read: { epoch: 'e', offset: 3, with: 'bob' },
    peers: { id: 'p1', limit: 20, before: { epoch: 'e', offset: 3 } },
    profile: { user: everyProfileField },
    signal: { to: 'bob', name: 'typing', data: { order: 7 }, ttl: 5_000 },
    watch: { users: ['bob'] },
    push: {
      subscription: {
        endpoint: 'https://push.example.com/1',
        expirationTime: null,
        keys: { p256dh: 'p', auth: 'a' },
      },
      endpoint: 'https://push.example.com/1',
    },
    visibility: { hidden: true },
    pong: {},
    end: {},
  },
  gateway: {
    started: {
      sessionId: 's1',
      user: { id: 'ann', ...everyProfileField },
      guest: false,
      resumed: true,
      resumeKey: 'k',
      resumeWindow: 120_000,
      epoch: 'e',
      offset: 3,
      lost: false,
      unread: 2,
      expiresIn: null,
      pingInterval: 25_000,
      sendWindow: 3_600_000,
      reconnectWindow: 5_000,
      token: 'a.b.c',
      adopted: { guest: 'guest:~g', messages: 2 },
      pushKey: 'k',
      can: ['adopt'],
    },
    renewed: { expiresIn: 1_000, reauth: true },
    message: wholeMessage,
    sent: { id: 'm1', offset: 4, sentAt: 1_700_000_000_000 },
    history: { id: 'h1', messages: [wholeMessage], next: 1 },
    unread: { unread: 2, readOffset: 1, with: null, unreadWith: 1, readOffsetWith: 3 },
    peers: { id: 'p1', peers: [wholePeer], next: { epoch: 'e', offset: 1 } },
    user: { user: { id: 'ann', ...everyProfileField } },
    presence: { users: [{ id: 'bob', online: false, lastSeenAt: null }] },
    signal: { from: null, name: 'typing', data: { order: 7 }, ttl: 5_000 },
    refused: { re: 'send', id: 'm1', code: 'conflict', message: 'No.', retryable: false, retryAfter: 10 },
    ping: {},
    ended: { code: 'unavailable', message: 'Later.', retryable: true, retryAfter: 10 },
  },
}
