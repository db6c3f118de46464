import assert from 'node:assert/strict'
import {
  webhookEventTypes,
  type Engine,
  type PendingEvent,
  type UserRef,
  type WebhookEventType,
  type WebhookOptions,
} from '../engine.js'
import { app, rules, until } from './kit.js'

/** Configures the app, so that the engine keeps webhook events of the given types; of all types by default. */
export const ask = (
  engine: Engine,
  events: readonly WebhookEventType[] = webhookEventTypes,
  unreadAfter = 3_600_000,
  limits?: WebhookOptions['limits'],
): Promise<void> =>
  engine.configure(app, { retention: rules().retention, webhooks: { events, unreadAfter, limits } })

export const typesOf = (events: PendingEvent[]): string[] => events.map(({ event }) => event.type)

/** Resolves with every pending or failed event of the app. */
export const pending = async (engine: Engine): Promise<PendingEvent[]> =>
  (await engine.pendingEvents(app, null, 1_000)).events

export const pendingOf = async (engine: Engine, { userId }: UserRef): Promise<PendingEvent[]> =>
  (await pending(engine)).filter(({ event }) => event.userId === userId)

/** Waits until an event of this type is pending for the user. */
export const untilPending = async (
  engine: Engine,
  of: UserRef,
  type: WebhookEventType,
): Promise<PendingEvent> => {
  let found: PendingEvent | undefined
  await until(`${type} is pending`, async () => {
    found = (await pendingOf(engine, of)).find(({ event }) => event.type === type)
    return found !== undefined
  })
  return found ?? assert.fail()
}
