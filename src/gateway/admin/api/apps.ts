import type { AppSummary } from '../../../protocol/internal.js'
import type { App } from '../../apps/app.js'
import type { AdminCall } from '../calls.js'
import type { ApiContext } from './context.js'

export const appCalls = ({ apps, engine }: Pick<ApiContext, 'apps' | 'engine'>): AdminCall[] => {
  const summaryOf = async ({ settings }: App): Promise<AppSummary> => {
    const { appId, environment, limits } = settings
    const { users, guests, inboxes, bytes, sessions } = await engine.usage(appId)
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
    {
      method: 'get',
      path: '/apps',
      handle: async (context) =>
        context.json((await Promise.all([...(await apps()).values()].map(summaryOf))) satisfies AppSummary[]),
    },
  ]
}
