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
import { callsBelow, notFound, PAGE, type ApiContext } from './context.js'
import { sessionSummary } from './sessions.js'

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
  const { readApp, readUser, changeUser } = callsBelow(api)

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

  const revoke = (path: string, what: string, mode: Revocation['mode']): AdminCall =>
    changeUser('post', path, what, async (context, user) =>
      context.json({ revokedBefore: await engine.revokeUser(user, { issuedBefore: null, mode }) }),
    )

  return [
    readApp('/users', async (context, { settings }) => {
      const after = context.req.query('after') ?? null
      const users = await engine.users(settings.appId, after, PAGE)
      const next = users.length < PAGE ? null : (users.at(-1)?.userId ?? null)
      return context.json({ users: users.map(summaryOf), next } satisfies UserList)
    }),
    readUser('', async (context, of) => {
      const user = await engine.user(of)
      return user
        ? context.json((await detailOf(user)) satisfies UserDetail)
        : notFound(context, 'unknown-user', 'The app has no such user.')
    }),
    revoke('/revoke', 'user.revoke', 'end'),
    revoke('/reauth', 'user.reauth', 'reauth'),
    changeUser('post', '/push/test', 'push.test', async (context, of) => {
      const app = (await api.apps()).get(of.appId)
      const results = app && (await api.pushes.test(app, of))
      return results
        ? context.json(results satisfies PushTest[])
        : notFound(context, 'not-found', 'The app has no push in the config.')
    }),
    changeUser('delete', '/push/:deviceId', 'push.end', async (context, of) =>
      (await engine.endPushDevice(of, context.req.param('deviceId') ?? ''))
        ? context.body(null, 204)
        : notFound(context, 'not-found', 'The user has no such subscription.'),
    ),
  ]
}
