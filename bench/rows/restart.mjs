/* global performance */
// Sessions after the server was killed and started again.
import { setTimeout as wait } from 'node:timers/promises'
import { AT_ONCE, takeTurns } from '../setting.mjs'
import { startSessions } from '../sessions.mjs'

/** Seconds after which a session that is not active counts as one that never came back. */
const LIMIT = 120

export default {
  title: '5,000 sessions after the server was killed',
  method:
    'SIGKILL ends the server, which is started again at once with its folder. The rival’s clients try again at once, and then every 100 ms. A gateway tells its clients a window for their first attempts: 25 s with 5,000 sessions. A visible page, as these clients are, makes the attempt at a random time in the first fifth of the window, which is 5 s. The clients of `chat-session, embedded, clients at once` try again as the rival’s clients do. An attempt counts as refused if it begins when the server listens again, and is not answered with `started`.',
  figures: {
    'restart-missing': { unit: 'sessions that never came back', base: 'ws + jose' },
    'restart-refused': { unit: 'refused attempts' },
    'restart-spread': { unit: 'seconds between the first attempts of the first and of the last client' },
    'restart-back': {
      unit: 'seconds until the last one is back',
      base: 'ws + jose',
      isAbsolute: true,
      targets: { [`chat-session, embedded${AT_ONCE}`]: 2.5 },
    },
  },
  mostRounds: 3,
  measure(options) {
    const count = options.isQuick ? 200 : 5_000
    const names = ['ws + jose', 'chat-session, embedded', `chat-session, embedded${AT_ONCE}`]
    return takeTurns(names, options, async (name, { port, kill, restart }) => {
      const userIds = Array.from({ length: count }, (_, index) => `user-${index}`)
      const sessions = await startSessions(name, port, userIds)
      const firstAttempts = []
      let [isListening, refused] = [false, 0]
      for (const session of sessions) {
        session.once('attempt', () => firstAttempts.push(performance.now()))
        session.on('attempt', async (answer) => {
          if (isListening && !(await answer)) refused++
        })
      }
      await kill()
      while (sessions.some(({ isActive }) => isActive)) await wait(10)
      await restart()
      isListening = true
      const began = performance.now()
      const missing = () => sessions.filter(({ isActive }) => !isActive).length
      while (missing() > 0 && performance.now() < began + LIMIT * 1_000) await wait(20)
      const back = (performance.now() - began) / 1_000
      const result = {
        'restart-missing': missing(),
        'restart-refused': refused,
        'restart-spread': (Math.max(...firstAttempts) - Math.min(...firstAttempts)) / 1_000,
        'restart-back': back,
      }
      await Promise.all(sessions.map((session) => session.end()))
      return result
    })
  },
}
