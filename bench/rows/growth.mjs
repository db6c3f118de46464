// A durable send at the embedded engine with more and more users.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const sizes = [10_000, 100_000, 1_000_000]
const quickSizes = [10_000, 20_000]

const nameOf = (users) => `${users.toLocaleString('en')} users`

/** Runs an engine in a process of its own with these arguments, and kills it once it has sent its result. Resolves with that result. */
const run = async (folder, env, ...args) => {
  const child = fork(new URL('../growth-engine.mjs', import.meta.url), args.map(String), {
    env: { ...process.env, ...env, BENCH_FOLDER: folder },
  })
  const exited = once(child, 'exit')
  const [result] = await Promise.race([once(child, 'message'), exited])
  child.kill('SIGKILL')
  await exited
  if (typeof result !== 'object') throw new Error(`The engine of ${args[0]} users ended with ${result}.`)
  return result
}

export default {
  title: 'A durable send at the embedded engine, by the number of users',
  method:
    'Each user has a profile and a message. 40,000 messages go between users that are drawn at random, 100 under way, after 60,000 to warm up. The CPU time of a message contains that of the threads of LevelDB. The memory is the largest resident memory of the process, with the default `cacheBytes` and Node itself. Each round has a process of its own, which SIGKILL ends. Then an engine opens the folder again, and replays the log: the time to open ends with the acknowledgement of the first message.',
  figures: {
    growth: {
      unit: 'µs a message',
      base: nameOf(10_000),
      targets: { [nameOf(1_000_000)]: 2 },
    },
    'growth-cpu': { unit: 'µs of CPU a message', base: nameOf(10_000) },
    'growth-open': {
      unit: 'ms to open after a crash',
      targets: Object.fromEntries(sizes.map((users) => [nameOf(users), 1_000])),
    },
    'growth-memory': { unit: 'MB of resident memory', base: nameOf(10_000) },
  },
  profiled: [nameOf(10_000), nameOf(1_000_000)],
  profiledFigure: 'growth-cpu',
  async measure({ rounds, isQuick, only, onProfile }) {
    const sends = isQuick ? 4_000 : 40_000
    const measured = (isQuick ? quickSizes : sizes).filter((users) => !only || only.includes(nameOf(users)))
    const env = onProfile ? { BENCH_PROFILE: '1' } : {}
    const folders = await Promise.all(measured.map(() => mkdtemp(join(tmpdir(), 'chat-session-bench-'))))
    const results = Object.fromEntries(measured.map((users) => [nameOf(users), []]))
    try {
      for (const [index, users] of measured.entries()) await run(folders[index], {}, users)
      for (let round = 0; round < rounds; round++)
        for (const [index, users] of measured.entries()) {
          const { parts, ...result } = await run(folders[index], env, users, sends, round)
          if (parts) onProfile(nameOf(users), parts, result['growth-cpu'] * sends)
          results[nameOf(users)].push(result)
        }
      return results
    } finally {
      for (const folder of folders) await rm(folder, { recursive: true, force: true })
    }
  },
}
