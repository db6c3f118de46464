import { text } from 'node:stream/consumers'
import type { GatewayConfig } from '../gateway/index.js'
import { createKeySets, readTokenRules, reportToken } from '../gateway/internal.js'
import { CliError } from './cli-error.js'
import { loadConfig, type ConfigOptions } from './load-config.js'
import { findingsAbout, hasFailed, printFindings, type Finding } from './report.js'

/** Prints, for each part of a token, whether a gateway with this config accepts it. `-` reads the token from standard input. */
export const checkToken = async (given: string, { config }: ConfigOptions): Promise<void> => {
  const { apps = {} } = (await loadConfig(config)) as Partial<GatewayConfig>
  const read = Object.entries(apps).map(([appId, app]) => readTokenRules(appId, app, process.env))
  const problems = read.flatMap((each) => (each.ok ? [] : each.problems))
  if (problems.length > 0) throw new CliError(problems.map(({ what, text }) => `${what}: ${text}`).join('\n'))
  const known = new Map(read.flatMap((each) => (each.ok ? [[each.rules.appId, each] as const] : [])))
  // `-` is there because a token in an argument stays in the shell's history, and other users of the machine can see it.
  const token = given === '-' ? (await text(process.stdin)).trim() : given
  const life = new AbortController()
  const failures: Finding[] = []
  const warn = ({ err }: { err: unknown }): unknown =>
    failures.push(findingsAbout('jwks').fail(err instanceof Error ? err.message : String(err)))
  const keySets = createKeySets({ warn }, life.signal)
  const { appId, userId, findings } = await reportToken(token, {
    apps: new Map([...known].map(([id, { rules }]) => [id, rules])),
    keySetOf: (app) => keySets.of(app.appId, app.jwks),
    now: Date.now(),
  })
  life.abort()
  const rows = findings.map(({ level, part, text }) => ({ level, what: part, text }))
  const isGood = !hasFailed(rows)
  const whose = userId === null ? `the app ${appId}` : `${JSON.stringify(userId)} of the app ${appId}`
  const verdict = findingsAbout('token')
  const unread = known.get(appId ?? '')?.unread ?? []
  printFindings([
    ...rows,
    ...unread.map(({ what, text }) => findingsAbout(what).warn(`${text}: this secret was not tried`)),
    ...failures,
    isGood
      ? verdict.ok(`is good, and stands for ${whose}`)
      : verdict.fail(unread.length > 0 ? 'is refused, as far as the secrets could be read' : 'is refused'),
  ])
  if (!isGood) process.exitCode = 2
}
