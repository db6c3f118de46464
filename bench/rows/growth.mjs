// A durable send at the embedded engine with more and more users.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const nameOf = (users) => `${users.toLocaleString('en')} users`

/** Starts an engine with so many users, and fills its folder. */
const start = async (users) => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-bench-'))
  const child = fork(new URL('../growth-engine.mjs', import.meta.url), [String(users)], {
    env: { ...process.env, BENCH_FOLDER: folder },
  })
  await once(child, 'message')
  return {
    name: nameOf(users),
    async measure(sends) {
      child.send({ sends })
      return (await once(child, 'message'))[0]
    },
    async end() {
      child.disconnect()
      await once(child, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export default {
  title: 'A durable send at the embedded engine, by the number of users',
  method:
    'Each user has a profile and a message. 40,000 messages between users that are drawn at random, 100 under way, after 20,000 to warm up: the time for one, and its CPU time with the threads of LevelDB. The third figure is the time from `open` of the closed folder to the acknowledgement of the first message.',
  figures: {
    growth: {
      unit: 'µs a message',
      base: nameOf(10_000),
      targets: { [nameOf(1_000_000)]: 2 },
    },
    'growth-cpu': { unit: 'µs of CPU a message', base: nameOf(10_000) },
    'growth-open': { unit: 'ms to open', base: nameOf(10_000) },
  },
  async measure({ rounds, isQuick }) {
    const sends = isQuick ? 10_000 : 40_000
    const engines = []
    try {
      for (const users of isQuick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000])
        engines.push(await start(users))
      const results = Object.fromEntries(engines.map(({ name }) => [name, []]))
      for (let round = 0; round < rounds; round++)
        for (const { name, measure } of engines) results[name].push(await measure(sends))
      return results
    } finally {
      for (const { end } of engines) await end()
    }
  },
}
