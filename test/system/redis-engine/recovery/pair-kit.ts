// Two engines on a master that fails over to its replica.
import type { Engine, EngineEvent } from '../../../../src/engine/index.js'
import { STATE } from '../../../../src/engine/redis/fields.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { ask } from '../../../../src/engine/suite/webhook-kit.js'
import { startProxy } from '../../../support/network/proxy.js'
import { hookedClient } from '../../../support/redis/hooked-client.js'
import { startPair, type Pair } from '../../../support/redis/replication.js'

export interface Node {
  engine: Engine
  events: EngineEvent[]
}

export interface Failover {
  one: Node
  two: Node
  pair: Pair
  failOver: Pair['failOver']
  /** Opens a further engine, which reaches Redis until the returned function is called, and waits for `before` each time it runs a script. */
  openThird(before?: (script: string) => unknown): Promise<Node & { cutOff(): Promise<void> }>
}

/** How far the clocks of the engines are set forward. */
export const shift = { by: 0 }

export const partitions = new Partitions()

/** Reads when a node last noted that it has reached the master. */
export const reachedAt = async ({ command }: Pair): Promise<number> =>
  Number(await command('hget', `chat-session:{${partitions.tags[0]}}:state`, STATE.reachedAt))

export const withPair = async (body: (failover: Failover) => Promise<void>): Promise<void> => {
  const pair = await startPair()
  const opened: Engine[] = []
  const open = async (
    url = pair.url,
    before: (script: string) => unknown = () => undefined,
  ): Promise<Node> => {
    const engine = createSharedEngine({
      client: () => hookedClient({ type: 'single', url }, before),
      clockShift: () => shift.by,
      // Calls fail while the master is away.
      onError: () => undefined,
    })
    const events: EngineEvent[] = []
    engine.listen((event) => events.push(event), new AbortController().signal)
    await engine.open()
    opened.push(engine)
    return { engine, events }
  }
  const [one, two] = [await open(), await open()]
  try {
    for (const { engine } of [one, two])
      await ask(engine, ['session.started', 'session.ended', 'user.online', 'user.offline'])
    await body({
      ...{ one, two, pair, failOver: () => pair.failOver() },
      async openThird(before) {
        const proxy = await startProxy(pair.url.replace('redis:', 'http:'))
        return { ...(await open(proxy.url.replace('http:', 'redis:'), before)), cutOff: () => proxy.close() }
      },
    })
  } finally {
    await Promise.all(opened.map((engine) => engine.close()))
  }
}
