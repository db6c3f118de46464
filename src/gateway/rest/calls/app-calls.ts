import { answer, defineCall } from '../call.js'

export const appCalls = [
  defineCall({
    id: 'getUsage',
    summary: 'What the app stores, and its limits',
    answers: { 200: 'The counts, and their limits. A limit of null means that there is none.' },
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
