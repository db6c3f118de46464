import assert from 'node:assert/strict'
import {
  webhookEventTypes,
  type Engine,
  type OwedEvent,
  type UserRef,
  type WebhookEventType,
} from '../engine.js'
import { app, rules, until } from './kit.js'

/** Asks for webhook events; for all types unless some are named. */
export const ask = (
  engine: Engine,
  events: readonly WebhookEventType[] = webhookEventTypes,
  unreadAfter = 3_600_000,
): Promise<void> => engine.configure(app, { retention: rules().retention, webhooks: { events, unreadAfter } })

export const typesOf = (events: OwedEvent[]): string[] => events.map(({ event }) => event.type)

/** Every owed or failed event of the app. */
export const owed = async (engine: Engine): Promise<OwedEvent[]> =>
  (await engine.owedEvents(app, null, 1_000)).events

export const owedTo = async (engine: Engine, { userId }: UserRef): Promise<OwedEvent[]> =>
  (await owed(engine)).filter(({ event }) => event.userId === userId)

/** Waits until an event of this type is owed to the user. */
export const untilOwed = async (engine: Engine, of: UserRef, type: WebhookEventType): Promise<OwedEvent> => {
  let found: OwedEvent | undefined
  await until(`${type} is owed`, async () => {
    found = (await owedTo(engine, of)).find(({ event }) => event.type === type)
    return found !== undefined
  })
  return found ?? assert.fail()
}
