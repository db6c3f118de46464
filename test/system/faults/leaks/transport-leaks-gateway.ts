// A gateway in a process of its own. To each message over the process channel it replies with the resources that the process has.
import { readdirSync, readlinkSync } from 'node:fs'
import { createMemoryEngine } from '../../../../src/engine/index.js'
import { createLog } from '../../../../src/gateway/index.js'
import { createTimerCounter } from '../../../support/timer-counter.js'
import { createTestGateway } from '../../../support/gateway/test-gateway.js'
import { appId } from '../../../support/tokens.js'

export interface Resources {
  url: string
  sessions: number
  sockets: number
  timers: number
  /** WebSocket objects of Bun's server; 0 on Node. */
  webSockets: number
}

interface Jsc {
  heapStats(): { objectTypeCounts: Record<string, number | undefined> }
}

/** Returns a function that counts the timers and the WebSockets of this process. */
const createCounter = async (): Promise<() => Pick<Resources, 'timers' | 'webSockets'>> => {
  const { Bun } = globalThis as { Bun?: { gc(isSync: boolean): void } }
  if (!Bun) {
    const timers = createTimerCounter()
    return () => ({ timers: timers.count(), webSockets: 0 })
  }
  // The name is a variable, because Node's types have no such module.
  const name = 'bun:jsc'
  const { heapStats } = (await import(name)) as Jsc
  return () => {
    Bun.gc(true)
    const { Timeout: timers = 0, ServerWebSocket: webSockets = 0 } = heapStats().objectTypeCounts
    return { timers, webSockets }
  }
}

const isSocket = (file: string): boolean => {
  try {
    return readlinkSync(`/proc/self/fd/${file}`).startsWith('socket:')
  } catch {
    // The file was closed since it was listed. It may have been the listing's own.
    return false
  }
}

const countSockets = (): number => readdirSync('/proc/self/fd').filter(isSocket).length

const count = await createCounter()
const engine = createMemoryEngine()
const { gateway } = createTestGateway(
  { limits: { requestsPerSecond: 1_000_000, sessionsPerUser: 1_000 } },
  {
    resumeWindow: 0,
    limits: { connectionsPerAddress: 10_000, connectionsPerSecondPerAddress: 1_000_000 },
  },
  { engine, log: createLog({ level: 'fatal' }) },
)
const url = await gateway.listen()

process.on('message', () => {
  void engine.sessions({ appId, userId: 'ada' }).then(({ length: sessions }) =>
    process.send?.({
      url,
      sessions,
      sockets: countSockets(),
      ...count(),
    } satisfies Resources),
  )
})
// Without a parent process there are no clients.
process.once('disconnect', () => process.exit())
