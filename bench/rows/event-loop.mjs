// For how long the engine's work keeps other work waiting.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What an engine does: the name in bench/event-loop-engine.mjs, and how many of them. */
const situations = {
  'nothing to do': ['nothing', 0],
  'messages, tables merged': ['sends', 200_000],
  'a log-in, 10,000 unread': ['login', 10_000],
  'reopened, 200,000 messages': ['reopen', 200_000],
  '50,000 messages expire': ['sweep', 50_000],
  '10,000 sessions expire': ['detached', 10_000],
  'a gateway in memory, a log-in, 10,000 missed': ['memoryLogin', 10_000],
  'a gateway, a log-in, 10,000 missed': ['gatewayLogin', 10_000],
  'a gateway, 40 log-ins, 10,000 missed each': ['resumes', 10_000],
  'a gateway closes 2,000 sessions': ['closing', 2_000],
}

const longestTurn = async (situation, count, env) => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-bench-'))
  const child = fork(new URL('../event-loop-engine.mjs', import.meta.url), [situation, String(count)], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, ...env, BENCH_FOLDER: folder },
  })
  const exited = once(child, 'exit')
  const [message] = await Promise.race([once(child, 'message'), exited])
  await exited
  await rm(folder, { recursive: true, force: true })
  if (message?.longest === undefined) throw new Error(`The engine of ${situation} ended with ${message}.`)
  return message.longest
}

export default {
  title: 'The longest turn of the event loop',
  method:
    'CPU time of the main thread in the longest turn of the event loop, with an embedded engine, or a gateway, in a process of its own, collections of garbage included. A gateway has served the same log-ins once to warm up.',
  figures: {
    'event-loop': {
      unit: 'ms of the longest turn',
      targets: Object.fromEntries(Object.keys(situations).map((name) => [name, 10])),
    },
  },
  mostRounds: 3,
  async measure({ rounds, isQuick }) {
    const results = Object.fromEntries(Object.keys(situations).map((name) => [name, []]))
    const env = isQuick ? { BENCH_LIFE: '0.5' } : {}
    for (let round = 0; round < rounds; round++)
      for (const [name, [situation, count]] of Object.entries(situations))
        results[name].push({ 'event-loop': await longestTurn(situation, isQuick ? count / 40 : count, env) })
    return results
  },
}
