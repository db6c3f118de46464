import type { Engine, UserRef } from '../../../engine/index.js'
import { isUserId } from '../../../protocol/index.js'
import type { Series } from '../../../protocol/internal.js'
import type { App } from '../../apps/app.js'
import type { KeySets } from '../../auth/key-sets.js'
import type { Tracer } from '../../connection/tracer.js'
import { problem } from '../../http/problem.js'
import type { Activity } from '../../sessions/activity.js'
import type { Dispatcher } from '../../webhooks/dispatcher.js'
import type { Pushes } from '../../push/pushes.js'
import type { AdminCall, AdminContext } from '../calls.js'

/** The parts of a gateway that the console shows. */
export interface ApiContext {
  /** Resolves with the apps by id when the engine is open. */
  apps(): Promise<ReadonlyMap<string, App>>
  engine: Engine
  keySets: Pick<KeySets, 'of'>
  dispatcher: Pick<Dispatcher, 'deliveries' | 'test' | 'replay'>
  pushes: Pick<Pushes, 'test'>
  activity: Activity
  tracer: Tracer
  charts: () => readonly Series[]
}

/** How many entries a page of a list has, at most. */
export const PAGE = 50

export const notFound = (context: AdminContext, code: string, title: string): Response =>
  problem(context, 404, code, title)

const textParam = (context: AdminContext, name: string): string => context.req.param(name) ?? ''

/** Returns the handler of a call below `/apps/:appId`. */
export const forApp =
  (
    { apps }: Pick<ApiContext, 'apps'>,
    handle: (context: AdminContext, app: App) => Response | Promise<Response>,
  ): AdminCall['handle'] =>
  async (context) => {
    const app = (await apps()).get(textParam(context, 'appId'))
    return app ? handle(context, app) : notFound(context, 'unknown-app', 'The config has no such app.')
  }

/** Returns the handler of a call below `/apps/:appId/users/:userId`. */
export const forUser = (
  api: Pick<ApiContext, 'apps'>,
  handle: (context: AdminContext, user: UserRef) => Response | Promise<Response>,
): AdminCall['handle'] =>
  forApp(api, (context, { settings }) => {
    const userId = textParam(context, 'userId')
    return isUserId(userId)
      ? handle(context, { appId: settings.appId, userId })
      : notFound(context, 'unknown-user', 'The app has no such user.')
  })
