import type { PendingEvent } from '../../../engine/index.js'
import type {
  DeliverySummary,
  PendingEventList,
  PendingEventSummary,
  WebhookState,
} from '../../../protocol/internal.js'
import type { AdminCall, AdminContext } from '../calls.js'
import { callsBelow, notFound, PAGE, type ApiContext } from './context.js'

/** Returns the fields of an event that an operator sees. The data are left out, because they contain messages and profiles. */
const summaryOf = ({ event, attempts, dueAt, lastError, state }: PendingEvent): PendingEventSummary => {
  const { id, type, userId, at } = event
  return { id, type, userId: userId || null, at, attempts, dueAt, lastError, state }
}

export const webhookCalls = (api: ApiContext): AdminCall[] => {
  const { engine, dispatcher } = api
  const { readApp, changeApp, changeUser } = callsBelow(api)
  /** Replays an event that was given up, and returns the response. The empty user id stands for the app itself. */
  const replay = async (context: AdminContext, appId: string, userId: string): Promise<Response> => {
    const isReplayed = await dispatcher.replay(appId, userId, context.req.param('eventId') ?? '')
    return isReplayed
      ? context.body(null, 204)
      : notFound(context, 'not-found', 'There is no such event that was given up.')
  }
  return [
    readApp('/webhooks', async (context, { settings }) => {
      const { pending, oldestAt } = await engine.pendingSummary(settings.appId)
      const deliveries = dispatcher.deliveries(settings.appId)
      const isConfigured = settings.webhooks !== null
      return context.json({ isConfigured, pending, oldestAt, deliveries } satisfies WebhookState)
    }),
    readApp('/webhooks/pending', async (context, { settings }) => {
      const after = context.req.query('after') ?? null
      const { events, next } = await engine.pendingEvents(settings.appId, after, PAGE)
      return context.json({ events: events.map(summaryOf), next } satisfies PendingEventList)
    }),
    changeApp('post', '/webhooks/test', 'webhook.test', async (context, { settings }) => {
      const delivery: DeliverySummary | null = await dispatcher.test(settings.appId)
      return delivery
        ? context.json(delivery)
        : notFound(context, 'not-found', 'The app has no webhooks in the config.')
    }),
    changeUser('post', '/webhooks/:eventId/replay', 'webhook.replay', (context, { appId, userId }) =>
      replay(context, appId, userId),
    ),
    changeApp('post', '/webhooks/:eventId/replay', 'webhook.replay', (context, { settings }) =>
      replay(context, settings.appId, ''),
    ),
  ]
}
