import type { SessionRecord } from '../../../engine/index.js'
import type { SessionChange, SessionList, SessionSummary, TracedFrame } from '../../../protocol/internal.js'
import type { AdminCall } from '../calls.js'
import { streamLines } from '../line-stream.js'
import { callsBelow, notFound, PAGE, type ApiContext } from './context.js'

const NO_SESSION = 'The user has no such session: it may have ended.'

/** Returns the fields of a session that an operator sees. Each field is chosen, so that no other field is ever shown. */
export const sessionSummary = ({ credential, ...session }: SessionRecord): SessionSummary => {
  const { sessionId, userId, state, hidden, origin, address, client, startedAt, lastSeenAt, rtt } = session
  const { authMethod, tokenId, expiresAt } = credential
  return {
    sessionId,
    userId,
    state,
    hidden,
    way: authMethod,
    tokenId,
    expiresAt,
    origin,
    address,
    client,
    startedAt,
    lastSeenAt,
    rtt,
  }
}

export const sessionCalls = (api: ApiContext): AdminCall[] => {
  const { engine, activity, tracer } = api
  const { readApp, readUser, changeUser } = callsBelow(api)
  return [
    readApp('/sessions', async (context, { settings }) => {
      const after = context.req.query('after') ?? null
      const { sessions, next } = await engine.appSessions(settings.appId, after, PAGE)
      return context.json({ sessions: sessions.map(sessionSummary), next } satisfies SessionList)
    }),
    readApp('/changes', (context, { settings }) => {
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
    readUser('/sessions/:sessionId/trace', async (context, user) => {
      const sessionId = context.req.param('sessionId')
      const sessions = await engine.sessions(user)
      if (!sessionId || !sessions.some((session) => session.sessionId === sessionId))
        return notFound(context, 'not-found', NO_SESSION)
      return streamLines<TracedFrame>(context, (push, signal) =>
        tracer.watch({ ...user, sessionId }, push, signal),
      )
    }),
    changeUser('delete', '/sessions/:sessionId', 'session.end', async (context, user) => {
      const sessionId = context.req.param('sessionId') ?? ''
      const isEnded = await engine.endSession({ ...user, sessionId }, 'revoked')
      return isEnded ? context.body(null, 204) : notFound(context, 'not-found', NO_SESSION)
    }),
  ]
}
