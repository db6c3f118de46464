import type { Settings } from './parse.js'
import { isLoopback } from './urls.js'

export const EXPOSED =
  'a test app is lenient by default, and other machines reach the address in listen.host: set environment to production'

/** Returns the ids of test apps that other machines can reach. */
export const exposedTestApps = ({ listen, apps }: Pick<Settings, 'listen' | 'apps'>): string[] =>
  isLoopback(listen.host)
    ? []
    : [...apps.values()].filter(({ environment }) => environment === 'test').map(({ appId }) => appId)
