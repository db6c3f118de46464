import type { SessionChange, SessionList, TracedFrame } from '../../../protocol/internal.js'
import type { AdminCall } from '../calls.js'
import { streamLines } from '../line-stream.js'
import { forApp, forUser, notFound, PAGE, type ApiContext } from './context.js'
import { sessionSummary } from './session-summary.js'

const SESSION = '/apps/:appId/users/:userId/sessions/:sessionId'
const NO_SESSION = 'The user has no such session: it may have ended.'

export const sessionCalls = (api: ApiContext): AdminCall[] => {
  const { engine, activity, tracer } = api
  return [
    {
      method: 'get',
      path: '/apps/:appId/sessions',
      handle: forApp(api, async (context, { settings }) => {
        const after = context.req.query('after') ?? null
        const { sessions, next } = await engine.appSessions(settings.appId, after, PAGE)
        return context.json({ sessions: sessions.map(sessionSummary), next } satisfies SessionList)
      }),
    },
    {
      method: 'get',
      path: '/apps/:appId/changes',
      handle: forApp(api, (context, { settings }) => {
        const { appId } = settings
        // A client that reconnects names the last change that it has.
        const after = Number(context.req.query('after') ?? 0)
        return streamLines<SessionChange>(context, (push, signal) => {
          activity
            .latest(appId)
            .filter(({ seq }) => seq > after)
            .forEach(push)
          activity.listen(appId, push, signal)
        })
      }),
    },
    {
      method: 'get',
      path: `${SESSION}/trace`,
      handle: forUser(api, async (context, user) => {
        const sessionId = context.req.param('sessionId')
        const sessions = await engine.sessions(user)
        if (!sessionId || !sessions.some((session) => session.sessionId === sessionId))
          return notFound(context, 'not-found', NO_SESSION)
        return streamLines<TracedFrame>(context, (push, signal) =>
          tracer.watch({ ...user, sessionId }, push, signal),
        )
      }),
    },
    {
      method: 'delete',
      path: SESSION,
      what: 'session.end',
      handle: forUser(api, async (context, user) => {
        const sessionId = context.req.param('sessionId') ?? ''
        const isEnded = await engine.endSession({ ...user, sessionId }, 'revoked')
        return isEnded ? context.body(null, 204) : notFound(context, 'not-found', NO_SESSION)
      }),
    },
  ]
}
