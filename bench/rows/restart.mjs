/* global performance */
// Sessions after the server was killed and started again.
import { setTimeout as wait } from 'node:timers/promises'
import { takeTurns } from '../setting.mjs'
import { startSessions } from '../sessions.mjs'

/** Seconds after which a session that is not active counts as one that never came back. */
const LIMIT = 120

export default {
  title: '5,000 sessions after the server was killed',
  method:
    'The server is killed with SIGKILL and started again at once with its folder. The rival’s clients try again at once. Those of chat-session spread over the window that the gateway has named, so that the crowd does not fell it.',
  figures: {
    'restart-missing': { unit: 'sessions that never came back', base: 'ws + jose' },
    'restart-back': { unit: 'seconds until the last one is back', base: 'ws + jose' },
  },
  mostRounds: 3,
  measure(options) {
    const count = options.isQuick ? 500 : 5_000
    const names = ['ws + jose', 'chat-session, embedded']
    return takeTurns(names, options, async (name, { port, kill, restart }) => {
      const userIds = Array.from({ length: count }, (_, index) => `user-${index}`)
      const sessions = await startSessions(name, port, userIds)
      await kill()
      while (sessions.some(({ isActive }) => isActive)) await wait(10)
      await restart()
      const began = performance.now()
      const missing = () => sessions.filter(({ isActive }) => !isActive).length
      while (missing() > 0 && performance.now() < began + LIMIT * 1_000) await wait(20)
      const back = (performance.now() - began) / 1_000
      const result = { 'restart-missing': missing(), 'restart-back': back }
      await Promise.all(sessions.map((session) => session.end()))
      return result
    })
  },
}
