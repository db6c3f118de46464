// The CPU time and the wake-ups of a server with idle sessions, at the gateway's default ping interval.
import { setTimeout as wait } from 'node:timers/promises'
import { openSessions, takeTurns } from '../setting.mjs'

const names = ['ws + pings', 'chat-session, memory', 'chat-session, embedded']

export default {
  title: '10,000 idle sessions',
  method:
    'The server has 10,000 sessions that do nothing but answer pings; each is pinged once in 25 s. The CPU time of the server is measured for 50 s, which begin when each session has been pinged once. The wake-ups of the next table are the voluntary context switches of all its threads in that time. The rival pings all connections in one loop, as the documentation of `ws` shows it.',
  figures: {
    'idle-cpu': {
      unit: "ms of the server's CPU a second",
      base: 'ws + pings',
      targets: { 'chat-session, memory': 1.2, 'chat-session, embedded': 1.2 },
    },
    'idle-wake-ups': { unit: 'wake-ups a second', base: 'ws + pings' },
  },
  profiled: names,
  // A round takes four minutes.
  mostRounds: 3,
  measure(options) {
    // As many pings a second in both.
    const [sessions, pingInterval] = options.isQuick ? [200, 1] : [10_000, 25]
    const env = { BENCH_PING_INTERVAL: String(pingInterval) }
    return takeTurns(names, { ...options, env }, async (name, { port, usage, cpuOf }) => {
      const sockets = []
      // Some at a time, so that the first ones answer pings while the last ones are opened.
      while (sockets.length < sessions) {
        const userIds = Array.from({ length: 100 }, (_, index) => `user-${sockets.length + index}`)
        const opened = await openSessions(name, port, userIds)
        for (const socket of opened) {
          socket.send('{"type":"pong"}')
          socket.on('message', (data) => {
            if (data.includes('"type":"ping"')) socket.send('{"type":"pong"}')
          })
        }
        sockets.push(...opened)
      }
      await wait(pingInterval * 1_000)
      const seconds = 2 * pingInterval
      const { wakeUps } = await usage()
      const cpu = await cpuOf(() => wait(seconds * 1_000))
      const after = await usage()
      const open = sockets.filter(({ readyState, OPEN }) => readyState === OPEN).length
      if (open < sessions)
        throw new Error(`${name} has closed ${sessions - open} of ${sessions} connections.`)
      for (const socket of sockets) socket.terminate()
      return {
        'idle-cpu': cpu / 1_000 / seconds,
        'idle-wake-ups': (after.wakeUps - wakeUps) / seconds,
      }
    })
  },
}
