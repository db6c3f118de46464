import { X509Certificate } from 'node:crypto'
import { isIPv4 } from 'node:net'
import {
  EXPOSED,
  exposedTestApps,
  isLoopback,
  parseConfig,
  readCertificate,
  tryRedis,
  type AppSettings,
  type Settings,
} from '../gateway/internal.js'
import { checkExpiry } from './certificate.js'
import { isForUser } from './cli-error.js'
import { loadConfig, type ConfigOptions } from './load-config.js'
import { count, findingsAbout, hasFailed, printFindings, type Finding } from './report.js'

/** Milliseconds. */
const DAY = 86_400_000

/** Returns the ways in which the users of an app can log in, such as `2 secrets, guests`. */
const loginsOf = (app: AppSettings): string =>
  [
    ...(app.secrets.length > 0 ? [count(app.secrets.length, 'secret')] : []),
    ...(app.signatureSecrets.length > 0 ? [count(app.signatureSecrets.length, 'signature secret')] : []),
    ...(app.jwks ? ['a key set'] : []),
    ...(app.authenticate ? ['authenticate'] : []),
    ...(app.authenticateUrl ? ['authenticateUrl'] : []),
    ...(app.guests ? ['guests'] : []),
  ].join(', ')

/** Returns what an inbox of the app keeps. Messages that the user sent have a copy there, which counts as one that came. */
const retentionOf = ({ retention: { messages, age, bytes } }: AppSettings): string =>
  `each inbox keeps its newest ${count(messages, 'message')}, own copies of sent ones included, for ${count(age / DAY, 'day')} and up to ${bytes} bytes`

const checkApp = (app: AppSettings, settings: Settings): Finding[] => {
  const finding = findingsAbout(`apps.${app.appId}`)
  const origins = app.origins === 'any' ? 'any origin' : count(app.origins.size, 'origin')
  const isExposed = exposedTestApps(settings).includes(app.appId)
  return [
    finding.ok(`${app.environment}; ${loginsOf(app)}; ${origins}`),
    findingsAbout(`apps.${app.appId}.retention`).ok(retentionOf(app)),
    ...(isExposed ? [finding.warn(EXPOSED)] : []),
  ]
}

/** Reads the certificate as `serve` does, and checks its expiry. */
const checkCertificate = (tls: NonNullable<Settings['listen']['tls']>): Finding => {
  const what = 'listen.tls'
  try {
    return checkExpiry(what, new X509Certificate(readCertificate(tls).cert).validTo)
  } catch (error) {
    if (!isForUser(error)) throw error
    return findingsAbout(what).fail(error.message)
  }
}

const NO_PROXY =
  'is 0: if a proxy is in front, set it to the number of proxies, so that each client counts by its own address'

const checkListen = ({ listen, apps }: Settings): Finding[] => {
  const { host, port, path, trustProxy, tls } = listen
  const isBehindProxy = isLoopback(host) && [...apps.values()].some((app) => app.environment === 'production')
  return [
    findingsAbout('listen').ok(`${tls ? 'https' : 'http'} on ${path ?? `${host}, port ${port}`}`),
    ...(tls ? [checkCertificate(tls)] : []),
    ...(isBehindProxy && trustProxy === 0 ? [findingsAbout('listen.trustProxy').warn(NO_PROXY)] : []),
  ]
}

/** Returns whether a server on one host takes the port on the other host, too. */
const includesHost = (host: string, other: string): boolean =>
  host === '::' || (host === '0.0.0.0' && isIPv4(other))

const checkAdmin = ({ admin, listen }: Settings): Finding[] => {
  if (!admin) return []
  const { host, port } = admin
  const finding = findingsAbout('admin')
  const taken = `the port ${port} is that of listen, too: ${host} and ${listen.host} share an address, so take another`
  const sharesAddress = includesHost(host, listen.host) || includesHost(listen.host, host)
  if (listen.path === null && port !== 0 && port === listen.port && sharesAddress)
    return [finding.fail(taken)]
  const exposed = `other machines reach ${host}, and the tokens travel without TLS: let only a private network reach it`
  return [finding.ok(`on ${host}, port ${port}`), ...(isLoopback(host) ? [] : [finding.warn(exposed)])]
}

/** Matches a problem of a config. The groups are the path and the sentence. A quoted key in the path may contain a colon. */
const PROBLEM = /^((?:"(?:\\.|[^"\\])*"|[^"])*?): (.*)$/s

const problemFinding = (problem: string): Finding => {
  const [, what = 'config', text = problem] = PROBLEM.exec(problem) ?? []
  return findingsAbout(what).fail(text)
}

/** Reads the files of `engine.tls` and logs in to Redis as `serve` does, but opens no engine and writes nothing. */
const checkEngine = async ({ engine }: Settings): Promise<Finding[]> => {
  if (engine.type !== 'redis') return []
  const finding = findingsAbout('engine')
  try {
    const version = await tryRedis(engine)
    return version === null
      ? [finding.warn('no Redis answers from here, so its login and its database were not tried')]
      : [finding.ok(`Redis ${version} takes the login and the database`)]
  } catch (error) {
    if (!isForUser(error)) throw error
    return [error.name === 'EngineError' ? finding.fail(error.message) : problemFinding(error.message)]
  }
}

/** Prints each problem of a config with its path. If there is no problem, it prints a summary of the config. */
export const check = async ({ config }: ConfigOptions): Promise<void> => {
  const parsed = parseConfig(await loadConfig(config), process.env)
  const findings: Finding[] = parsed.ok
    ? [
        ...checkListen(parsed.config),
        ...checkAdmin(parsed.config),
        ...(await checkEngine(parsed.config)),
        ...[...parsed.config.apps.values()].flatMap((app) => checkApp(app, parsed.config)),
      ]
    : parsed.problems.map(problemFinding)
  printFindings(findings)
  if (hasFailed(findings)) process.exitCode = 2
}
