import {
  mergeProfile,
  type PushDevice,
  type Revocation,
  type UserRecord,
  type UserRef,
} from '../../../engine/index.js'
import type {
  DeviceSummary,
  PushTest,
  UserDetail,
  UserList,
  UserSummary,
} from '../../../protocol/internal.js'
import type { AdminCall } from '../calls.js'
import { forApp, forUser, notFound, PAGE, type ApiContext } from './context.js'
import { sessionSummary } from './session-summary.js'

/** How many sessions of a user are listed, at most. */
const MAX_SESSIONS = 100

const summaryOf = (user: UserRecord): UserSummary => ({
  userId: user.userId,
  profile: mergeProfile(user),
  createdAt: user.createdAt,
})

const deviceSummary = ({
  id,
  endpoint,
  createdAt,
  renewedAt,
  lastSuccessAt,
  failures,
}: PushDevice): DeviceSummary => {
  const { host } = new URL(endpoint)
  return { id, host, createdAt, renewedAt, lastSuccessAt, failures }
}

export const userCalls = (api: ApiContext): AdminCall[] => {
  const { engine, activity } = api

  const detailOf = async (user: UserRecord): Promise<UserDetail> => {
    const of: UserRef = { appId: user.appId, userId: user.userId }
    const { online, lastSeenAt, revokedBefore } = await engine.status(of)
    const { offset, readOffset, unread } = await engine.inbox(of)
    const sessions = await engine.sessions(of)
    const app = (await api.apps()).get(of.appId)
    const devices = app?.push ? await engine.pushDevices(of) : null
    return {
      ...summaryOf(user),
      online,
      lastSeenAt,
      revokedBefore,
      inbox: { offset, readOffset, unread },
      sessions: sessions.slice(-MAX_SESSIONS).map(sessionSummary),
      sessionCount: sessions.length,
      devices: devices?.map(deviceSummary) ?? null,
      changes: activity.latestOf(of),
    }
  }

  const revoke = (mode: Revocation['mode']): AdminCall['handle'] =>
    forUser(api, async (context, user) =>
      context.json({ revokedBefore: await engine.revokeUser(user, { issuedBefore: null, mode }) }),
    )

  return [
    {
      method: 'get',
      path: '/apps/:appId/users',
      handle: forApp(api, async (context, { settings }) => {
        const after = context.req.query('after') ?? null
        const users = await engine.users(settings.appId, after, PAGE)
        const next = users.length < PAGE ? null : (users.at(-1)?.userId ?? null)
        return context.json({ users: users.map(summaryOf), next } satisfies UserList)
      }),
    },
    {
      method: 'get',
      path: '/apps/:appId/users/:userId',
      handle: forUser(api, async (context, of) => {
        const user = await engine.user(of)
        return user
          ? context.json((await detailOf(user)) satisfies UserDetail)
          : notFound(context, 'unknown-user', 'The app has no such user.')
      }),
    },
    {
      method: 'post',
      path: '/apps/:appId/users/:userId/revoke',
      what: 'user.revoke',
      handle: revoke('end'),
    },
    {
      method: 'post',
      path: '/apps/:appId/users/:userId/reauth',
      what: 'user.reauth',
      handle: revoke('reauth'),
    },
    {
      method: 'post',
      path: '/apps/:appId/users/:userId/push/test',
      what: 'push.test',
      handle: forUser(api, async (context, of) => {
        const app = (await api.apps()).get(of.appId)
        const results = app && (await api.pushes.test(app, of))
        return results
          ? context.json(results satisfies PushTest[])
          : notFound(context, 'not-found', 'The app has no push in the config.')
      }),
    },
    {
      method: 'delete',
      path: '/apps/:appId/users/:userId/push/:deviceId',
      what: 'push.end',
      handle: forUser(api, async (context, of) =>
        (await engine.endPushDevice(of, context.req.param('deviceId') ?? ''))
          ? context.body(null, 204)
          : notFound(context, 'not-found', 'The user has no such subscription.'),
      ),
    },
  ]
}
