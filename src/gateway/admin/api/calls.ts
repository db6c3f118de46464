import type { AppSummary, Series } from '../../../protocol/internal.js'
import type { App } from '../../apps/app.js'
import { read, type AdminCall } from '../calls.js'
import type { ApiContext } from './context.js'
import { sessionCalls } from './sessions.js'
import { tokenCheckCall } from './token-check.js'
import { userCalls } from './users.js'
import { webhookCalls } from './webhooks.js'

/** Returns the calls of the console's JSON API. */
export const createApiCalls = (api: ApiContext): AdminCall[] => {
  const summaryOf = async ({ settings }: App): Promise<AppSummary> => {
    const { appId, environment, limits } = settings
    const { users, guests, inboxes, bytes, sessions } = await api.engine.usage(appId)
    return {
      appId,
      environment,
      sessions,
      users,
      guests: { used: guests, limit: limits.guests },
      inboxes: { used: inboxes, limit: limits.inboxes },
      bytes: { used: bytes, limit: limits.bytes },
    }
  }
  return [
    read('/apps', async (context) => {
      const apps = [...(await api.apps()).values()]
      return context.json((await Promise.all(apps.map(summaryOf))) satisfies AppSummary[])
    }),
    ...sessionCalls(api),
    ...userCalls(api),
    ...webhookCalls(api),
    tokenCheckCall(api),
    read('/charts', (context) => context.json(api.charts() satisfies readonly Series[])),
  ]
}
