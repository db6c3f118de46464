import { call, script, type AppCounts } from './context/context.js'
import { writeCounts } from './context/counts.js'

/** What a script that has failed replies. An error of Redis begins with a code. An error of Lua does not, and gets one here. */
const errorOf = (problem: unknown): unknown => {
  if (type(problem) === 'table') return problem
  const message = tostring(problem)
  return { err: string.find(message, '^%u+ ')[0] === undefined ? `ERR ${message}` : message }
}

/**
 * Runs several scripts, one after the other, as if each had come in a call of its own. Without a cluster the counts of apps are written once,
 * at the end. `lists` is JSON: for each script its name, and its arguments after the context. `wanted` may be missing: how each result
 * begins. A script that fails, or whose result begins otherwise, is the last that runs. Returns for each script that has run its result, or
 * its error.
 */
export const several = (
  run: (name: string, keys: string[], args: string[]) => unknown,
  keys: string[],
  lists: string,
  wanted: string | undefined,
): unknown[] => {
  const results: unknown[] = []
  const apps: string[] = []
  const counts: Partial<Record<string, AppCounts>> = {}
  call.shared = { counts }
  for (const list of cjson.decode(lists) as string[][]) {
    const [ok, result] = pcall(run, list[0] ?? '', keys, list)
    results.push(ok ? result : errorOf(result))
    apps.push(script.appId)
    if (wanted !== undefined && !(ok && (result as unknown[])[1] === wanted)) break
  }
  for (const [app, of] of pairs(counts)) {
    // If this function failed, the caller would run the scripts again.
    const [ok, problem] = pcall(writeCounts, of)
    if (!ok) for (let n = 0; n < results.length; n++) if (apps[n] === app) results[n] = errorOf(problem)
  }
  call.shared = undefined
  return results
}
