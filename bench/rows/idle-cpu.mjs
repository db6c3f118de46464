// The CPU time and the wake-ups of a server with idle sessions, at the gateway's default ping interval.
import { setTimeout as wait } from 'node:timers/promises'
import { openSessions, takeTurns } from '../setting.mjs'

export default {
  title: '10,000 idle sessions',
  method:
    'The CPU time, and the voluntary context switches of all threads, of a server whose sessions do nothing but answer pings, for 50 s after two intervals of 25 s; each session is pinged once in 25 s. The rival pings all connections in one loop, as the documentation of `ws` shows it.',
  figures: {
    'idle-cpu': {
      unit: "ms of the server's CPU a second",
      base: 'ws + pings',
      targets: { 'chat-session, memory': 1.2, 'chat-session, embedded': 1.2 },
    },
    'idle-wake-ups': { unit: 'wake-ups a second', base: 'ws + pings' },
  },
  mostRounds: 3,
  measure(options) {
    // As many pings a second in both.
    const [sessions, pingInterval] = options.isQuick ? [800, 1] : [10_000, 25]
    const env = { BENCH_PING_INTERVAL: String(pingInterval) }
    const names = ['ws + pings', 'chat-session, memory', 'chat-session, embedded']
    return takeTurns(names, { ...options, env }, async (name, { port, usage, cpuOf }) => {
      const userIds = Array.from({ length: sessions }, (_, index) => `user-${index}`)
      const sockets = await openSessions(name, port, userIds)
      for (const socket of sockets) {
        socket.send('{"type":"pong"}')
        socket.on('message', (data) => {
          if (data.includes('"type":"ping"')) socket.send('{"type":"pong"}')
        })
      }
      const seconds = 2 * pingInterval
      await wait(seconds * 1_000)
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
