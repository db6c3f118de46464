import type { EngineEvent } from '../engine.js'
import type { fields } from './lua/fields.js'

export type EventKinds = typeof fields.event

/** An event in the form in which scripts write it. */
export type WireEvent =
  | [
      kind: EventKinds['sessionEnded'],
      appId: string,
      userId: string,
      sessionId: string,
      code: Extract<EngineEvent, { code: unknown }>['code'],
    ]
  | [
      kind: EventKinds['connectionReplaced'],
      appId: string,
      userId: string,
      sessionId: string,
      connectionId: string,
    ]
  | [kind: EventKinds['reauth'], appId: string, userId: string, sessionId: string]
  | [kind: EventKinds['userChanged'], appId: string, userId: string, user: string]
  | [kind: EventKinds['message'], appId: string, userId: string, epoch: number, offset: number, json?: string]
  | [
      kind: EventKinds['read'],
      appId: string,
      userId: string,
      epoch: number,
      offset: number,
      readOffset: number,
      unread: number,
      // Only if messages with one peer were marked as read.
      ...peer: [] | [peer: string, unread: number, readOffset: number],
    ]
  | [kind: EventKinds['signal'], appId: string, userId: string, signal: string]
  | [
      kind: EventKinds['presence'],
      appId: string,
      userId: string,
      online: 0 | 1,
      lastSeenAt: number,
      at: number,
    ]
  | [kind: EventKinds['pushDue'], appId: string, userId: string]
  | [kind: EventKinds['devicesEnded'], appId: string, userId: string, devices: string]
  | [kind: EventKinds['history'], partition: number]
  | [kind: EventKinds['webhooksDue'], appId: string, partition: number]
  | [kind: EventKinds['canary'], canary: string]
  | [kind: EventKinds['tokenReleased'], appId: string, userId: string, credential: string, use: string]
  | [kind: EventKinds['eventDropped'], appId: string, type: string]
  // For each changed count its number and its new value (`quotas.ts`).
  | [kind: EventKinds['counts'], appId: string, userId: string, ...changed: number[]]
  | [kind: EventKinds['asked'], node: string, id: number, question: string]
  | [
      kind: EventKinds['seenAsked'],
      node: string,
      id: number,
      sessions: readonly [appId: string, userId: string, sessionId: string][],
    ]
  | [kind: EventKinds['answered'], id: number, answer: string | null]
