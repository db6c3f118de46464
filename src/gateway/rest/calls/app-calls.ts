import * as v from 'valibot'
import { answer, defineCall } from '../call.js'
import { count } from '../schemas.js'

const limit = v.nullable(count)

export const appCalls = [
  defineCall({
    id: 'getUsage',
    method: 'get',
    path: '/v1/apps/{app}/usage',
    summary: 'What the app stores, and its limits',
    answers: {
      200: {
        description: 'The counts, and their limits. A limit of null means that there is none.',
        schema: v.object({
          users: v.pipe(count, v.description('Users who are stored, guests included.')),
          guests: count,
          inboxes: v.pipe(count, v.description('Inboxes that ever held a message.')),
          bytes: v.pipe(count, v.description('About how many bytes the stored messages take.')),
          sessions: v.pipe(count, v.description('Sessions that have not ended.')),
          limits: v.object({ users: limit, guests: limit, inboxes: limit, bytes: limit, sessions: limit }),
        }),
      },
    },
    async handle({ app, appId, context: { engine } }) {
      const { users, guests, inboxes, bytes, sessions } = await engine.usage(appId)
      const { limits } = app.settings
      return answer(200, {
        users,
        guests,
        inboxes,
        bytes,
        sessions,
        limits: {
          users: null,
          guests: limits.guests,
          inboxes: limits.inboxes,
          bytes: limits.bytes,
          sessions: null,
        },
      })
    },
  }),
]
