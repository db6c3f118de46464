import { VERSION } from '../../../src/protocol/index.js'
import { createBench, type Case } from './bench.js'
import { cases } from './cases/index.js'
import { startClient } from './client.js'
import { UsageError } from './usage-error.js'
import { Breach, createWatch } from './watch.js'

export interface ConformanceOptions {
  client: string
  only?: string
  json?: boolean
  /** Seconds that the client has for each thing that a case waits for. */
  timeout: number
}

interface Result {
  name: string
  section: string
  core: boolean
  rule: string
  holds: boolean
  /** What the client did wrong. */
  why?: string
}

/** How many cases run at the same time. A case spends most of its time waiting. */
const AT_ONCE = 4

/** Returns the cases that `--only` names: by name, by section, or `core`. */
const select = (only: string | undefined): readonly Case[] => {
  if (only === undefined) return cases
  const words = only.split(',').map((word) => word.trim())
  const fits = ({ name, section, core }: Case, word: string): boolean =>
    name === word || section === word || (core && word === 'core')
  const unknown = words.find((word) => !cases.some((one) => fits(one, word)))
  if (unknown !== undefined)
    throw new UsageError(
      `--only has no case or section "${unknown}". The sections are core, ${[...new Set(cases.map(({ section }) => section))].join(', ')}; the cases: ${cases.map(({ name }) => name).join(', ')}.`,
    )
  return cases.filter((one) => words.some((word) => fits(one, word)))
}

/** Checks that the client starts and prints its first report. Otherwise every case would fail. */
const checkClient = async (command: string, limit: number): Promise<void> => {
  const client = startClient(command, createWatch(limit))
  try {
    await client.next('ready')
  } catch (error) {
    if (!(error instanceof Breach)) throw error
    throw new UsageError(
      `${error.message} A client prints {"type":"ready"} first: the README of chat-session-conformance has its commands and reports.`,
    )
  } finally {
    await client.end()
  }
}

const runCase = async (
  { name, section, core, rule, run }: Case,
  command: string,
  limit: number,
): Promise<Result> => {
  const bench = createBench(command, createWatch(limit))
  const result = { name, section, core, rule }
  try {
    await run(bench)
    return { ...result, holds: true }
  } catch (error) {
    if (!(error instanceof Breach)) throw error
    return { ...result, holds: false, why: error.message }
  } finally {
    // A case may race two waits, and the slower wait goes on after the race. Without this line that wait would keep this process running.
    bench.watch.fail('The case has ended.')
    await bench.close()
  }
}

const runCases = async (
  selected: readonly Case[],
  command: string,
  limit: number,
  done: (result: Result) => void,
): Promise<Result[]> => {
  const results: Result[] = []
  const entries = selected.entries()
  const work = async (): Promise<void> => {
    // All calls of `work` share this iterator, so that each case runs once.
    for (const [index, one] of entries) {
      const result = await runCase(one, command, limit)
      results[index] = result
      done(result)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return results
}

const summaryOf = (results: readonly Result[]): string => {
  const held = (some: readonly Result[]): string =>
    `${some.filter(({ holds }) => holds).length} of ${some.length}`
  return `core: ${held(results.filter(({ core }) => core))} hold; all: ${held(results)} hold`
}

const printTable = (results: readonly Result[]): void => {
  const width = Math.max(...results.map(({ name }) => name.length))
  for (const { name, core, rule, holds, why } of results) {
    console.log(`${holds ? 'ok  ' : 'FAIL'}  ${core ? 'core' : '    '}  ${name.padEnd(width)}  ${rule}`)
    if (why !== undefined) console.log(`${' '.repeat(14 + width)}→ ${why}`)
  }
  console.log(summaryOf(results))
}

/** Runs a client through the rules of docs/PROTOCOL.md. The exit code is 1 if the client breaks a rule. */
export const conformance = async ({ client, only, json, timeout }: ConformanceOptions): Promise<void> => {
  const selected = select(only)
  const limit = timeout * 1_000
  await checkClient(client, limit)
  let count = 0
  const results = await runCases(selected, client, limit, () => {
    count += 1
    if (process.stderr.isTTY) process.stderr.write(`\r${count} of ${selected.length} cases `)
  })
  if (process.stderr.isTTY) process.stderr.write('\r\x1B[K')
  if (json) console.log(JSON.stringify({ version: VERSION, cases: results }, null, 2))
  else printTable(results)
  if (results.some(({ holds }) => !holds)) process.exitCode = 1
}
