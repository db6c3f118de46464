import type { AppSettings } from '../config/parse.js'
import type { Log } from '../log.js'
import { problemOfProxy, proxyFor } from './proxy.js'

/** Where the gateway sends requests for an app: the key of the app's config, and a URL. */
export interface Target {
  readonly key: string
  readonly url: string
}

/** Returns where the gateway sends requests for an app. For push services the URL has only a host; `*` stands for any name below it. */
export const targetsOf = ({
  authenticateUrl,
  authorizeSendUrl,
  webhooks,
  jwks,
  push,
}: AppSettings): Target[] =>
  [
    { key: 'jwks', url: jwks?.url },
    { key: 'authenticateUrl', url: authenticateUrl?.url },
    { key: 'authorizeSendUrl', url: authorizeSendUrl?.url },
    { key: 'webhooks', url: webhooks?.url },
    ...(push?.hosts ?? []).map((host) => ({ key: 'push', url: `https://${host.replace('*', 'any')}` })),
  ].filter((target): target is Target => target.url !== undefined)

/** Logs the proxies through which requests for these apps go, and why one of them can't be used. */
export const reportProxies = async (apps: Iterable<AppSettings>, log: Log): Promise<void> => {
  const proxies = [...apps].flatMap(targetsOf).flatMap(({ url }) => proxyFor(url) ?? [])
  // All come from the same variable.
  const [proxy] = proxies
  if (!proxy) return
  const why = await problemOfProxy(proxy)
  const { variable, origin } = proxy
  if (why === undefined)
    log.info({ variable, proxy: origin }, 'requests to backends and push services go through a proxy')
  else
    log.error(
      { variable, why },
      "requests to backends and push services can't go through the proxy, and fail",
    )
}
