import type { ClientFrameOf, GatewayFrame, GatewayFrameOf, Message } from '../../../src/protocol/index.js'

export type Started = GatewayFrameOf<'started'>

/** The ids in every case: of the app, of the user, and of the user's peer. */
export const APP = 'conformance'
export const USER = 'ann'
export const PEER = 'bob'

let keys = 0

/** Returns a scripted gateway's answer to a `start` frame. Each answer has another resume key. */
export const startedFrame = (
  start: ClientFrameOf<'start'>,
  offset: number,
  changes: Partial<Started> = {},
): Started => ({
  type: 'started',
  sessionId: 'session-1',
  user: { id: start.userId ?? USER },
  guest: false,
  resumed: start.resume !== undefined,
  resumeKey: `key-${++keys}`,
  resumeWindow: 120_000,
  epoch: 'epoch-1',
  offset,
  lost: false,
  unread: 0,
  expiresIn: null,
  pingInterval: 25_000,
  sendWindow: 3_600_000,
  reconnectWindow: 0,
  can: [],
  ...changes,
})

export const messageOf = (offset: number, changes: Partial<Message> = {}): Message => ({
  offset,
  id: `m${offset}`,
  from: PEER,
  to: USER,
  sender: null,
  body: `text ${offset}`,
  sentAt: 1_750_000_000_000 + offset,
  ...changes,
})

export const messageFrame = (offset: number, changes?: Partial<Message>): GatewayFrameOf<'message'> => ({
  type: 'message',
  ...messageOf(offset, changes),
})

export const sentFrame = (id: string, offset: number): GatewayFrame => ({
  type: 'sent',
  id,
  offset,
  sentAt: 1_750_000_000_000 + offset,
})
