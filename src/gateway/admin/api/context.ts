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
import { change, read, type AdminCall, type AdminContext } from '../calls.js'

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

type Answer = Response | Promise<Response>
type HandleApp = (context: AdminContext, app: App) => Answer
type HandleUser = (context: AdminContext, user: UserRef) => Answer

/** Makes the calls below `/apps/:appId`, and those below `/apps/:appId/users/:userId`. */
export const callsBelow = ({ apps }: Pick<ApiContext, 'apps'>) => {
  const forApp =
    (handle: HandleApp): AdminCall['handle'] =>
    async (context) => {
      const app = (await apps()).get(textParam(context, 'appId'))
      return app ? handle(context, app) : notFound(context, 'unknown-app', 'The config has no such app.')
    }
  const forUser = (handle: HandleUser): AdminCall['handle'] =>
    forApp((context, { settings }) => {
      const userId = textParam(context, 'userId')
      return isUserId(userId)
        ? handle(context, { appId: settings.appId, userId })
        : notFound(context, 'unknown-user', 'The app has no such user.')
    })
  const ofApp = (path: string): string => `/apps/:appId${path}`
  const ofUser = (path: string): string => `/apps/:appId/users/:userId${path}`
  type Method = 'post' | 'delete'
  return {
    readApp: (path: string, handle: HandleApp) => read(ofApp(path), forApp(handle)),
    readUser: (path: string, handle: HandleUser) => read(ofUser(path), forUser(handle)),
    changeApp: (method: Method, path: string, what: string, handle: HandleApp) =>
      change(method, ofApp(path), what, forApp(handle)),
    changeUser: (method: Method, path: string, what: string, handle: HandleUser) =>
      change(method, ofUser(path), what, forUser(handle)),
  }
}
