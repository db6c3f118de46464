import { isDeepStrictEqual } from 'node:util'
import type { Settings } from './parse.js'

/** The differences between a running gateway's config and a new config. A change is the path of the changed key: `apps.hF83jaq.secrets`. */
export interface ConfigChanges {
  /** The settings from now on: the new values, and for keys that need a restart the running values. */
  settings: Settings
  applied: string[]
  needsRestart: string[]
}

/** Returns the paths of the keys whose values differ. */
const changedKeys = (running: object, next: object, prefix: string): string[] => {
  const before = new Map<string, unknown>(Object.entries(running))
  const after = new Map<string, unknown>(Object.entries(next))
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => !isDeepStrictEqual(before.get(key), after.get(key)))
    .map((key) => `${prefix}${key}`)
}

/** Returns `admin` for the running gateway. Without a restart only the tokens can change, and no listener is added or removed. */
const mergeAdmin = (running: Settings['admin'], next: Settings['admin']): Settings['admin'] =>
  running && next ? { ...running, token: next.token, readToken: next.readToken } : running

/** Returns `listen` for the running gateway. Without a restart only the certificate's files can change, and TLS stays on or off. */
const mergeListen = (running: Settings['listen'], next: Settings['listen']): Settings['listen'] =>
  running.tls && next.tls ? { ...running, tls: next.tls } : running

const changesOfApps = ({ apps: running }: Settings, { apps: next }: Settings): string[] =>
  [...next].flatMap(([appId, app]) => {
    const before = running.get(appId)
    return before ? changedKeys(before, app, `apps.${appId}.`) : [`apps.${appId}`]
  })

/** Returns the paths of the changed keys outside `apps`. */
const changesOfProcess = (running: Settings, next: Settings): string[] => {
  const rest = { listen: null, admin: null, limits: null, apps: null }
  return [
    ...changedKeys(running.listen, next.listen, 'listen.'),
    ...(running.admin && next.admin
      ? changedKeys(running.admin, next.admin, 'admin.')
      : changedKeys({ admin: running.admin }, { admin: next.admin }, '')),
    ...changedKeys(running.limits, next.limits, 'limits.'),
    ...changedKeys({ ...running, ...rest }, { ...next, ...rest }, ''),
  ]
}

/** Compares the settings of a running gateway with new ones. A removed app stays until a restart, because it may have sessions. */
export const changesOf = (running: Settings, next: Settings): ConfigChanges => {
  const settings: Settings = {
    ...running,
    listen: mergeListen(running.listen, next.listen),
    admin: mergeAdmin(running.admin, next.admin),
    limits: next.limits,
    apps: new Map([...running.apps, ...next.apps]),
  }
  const removed = [...running.apps.keys()].filter((appId) => !next.apps.has(appId))
  return {
    settings,
    applied: [...changesOfProcess(running, settings), ...changesOfApps(running, next)],
    needsRestart: [...changesOfProcess(settings, next), ...removed.map((appId) => `apps.${appId}`)],
  }
}
