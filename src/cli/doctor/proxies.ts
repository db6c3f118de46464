import { problemOfProxy, proxyFor, targetsOf, type AppSettings } from '../../gateway/internal.js'
import { findingsAbout, type Finding } from '../report.js'

/** Any URL to which the gateway of no config would send requests. */
const ANY = 'https://backend.invalid'

const aboutVariable = async (url: string): Promise<Finding[]> => {
  const proxy = proxyFor(url)
  if (!proxy) return []
  const finding = findingsAbout('proxy')
  const problem = await problemOfProxy(proxy)
  return [
    problem === undefined
      ? finding.ok(
          `${proxy.variable} is set: a gateway with this environment sends its requests through ${proxy.origin}`,
        )
      : finding.fail(problem),
  ]
}

const aboutTargets = (app: AppSettings): Finding[] =>
  targetsOf(app).map(({ key, url }) => {
    const proxy = proxyFor(url)
    const { host } = new URL(url)
    const way = proxy ? `through the proxy ${proxy.origin}` : 'direct, without a proxy'
    return findingsAbout(`apps.${app.appId}.${key}`).ok(`requests to ${host} go ${way}`)
  })

/**
 * Says through which proxy a gateway with this environment sends its requests. With the apps of a config, says it for each backend, key
 * server and push service.
 */
export const checkProxies = async (apps: readonly AppSettings[]): Promise<Finding[]> => {
  const about = await aboutVariable(ANY)
  return about.length === 0 ? [] : [...about, ...apps.flatMap(aboutTargets)]
}
