import type { Series } from '../../../protocol/internal.js'
import type { AdminCall } from '../calls.js'
import { appCalls } from './apps.js'
import type { ApiContext } from './context.js'
import { sessionCalls } from './sessions.js'
import { tokenCheckCall } from './token-check.js'
import { userCalls } from './users.js'
import { webhookCalls } from './webhooks.js'

/** Returns the calls of the console's JSON API. */
export const createApiCalls = (api: ApiContext): AdminCall[] => [
  ...appCalls(api),
  ...sessionCalls(api),
  ...userCalls(api),
  ...webhookCalls(api),
  tokenCheckCall(api),
  {
    method: 'get',
    path: '/charts',
    handle: (context) => context.json(api.charts() satisfies readonly Series[]),
  },
]
