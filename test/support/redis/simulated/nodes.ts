import { delay } from './virtual-time.js'
import type { Engine, EngineEvent, UserRef } from '../../../../src/engine/index.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine, type SharedEngineOptions } from '../../../../src/engine/redis/redis-engine.js'
import { FEW_PARTITIONS } from '../engines.js'
import { hooked, type Hook } from '../hooked-client.js'
import { simulatedClient, type SimulatedClient, type SimulatedClientOptions } from './client.js'
import { SimulatedServer } from './server.js'

/** An engine on a simulated server, with what it has emitted. */
export interface SimulatedNode {
  readonly engine: Engine
  readonly events: EngineEvent[]
  readonly client: SimulatedClient
  /** Whether the node hears what is published, and how many texts came. */
  hears: boolean
  texts: number
}

interface NodeOptions extends Partial<Omit<SharedEngineOptions, 'client'>>, SimulatedClientOptions {
  /** Awaited before each script. */
  before?: Hook
}

const partitions = new Partitions(FEW_PARTITIONS)

/** Returns the beginning of the names of the keys of a user's partition; without a user, of the first partition. */
export const keysOf = (of?: UserRef): string =>
  `chat-session:{${partitions.tags[of ? partitions.of(of) : 0]}}:`

export type OpenNode = (options?: NodeOptions) => Promise<SimulatedNode>

/** Runs `body` with a simulated server, and with a function that opens a node on it. Closes the nodes. */
export const withServer = async (
  body: (server: SimulatedServer, open: OpenNode) => Promise<void>,
): Promise<void> => {
  const server = new SimulatedServer()
  const engines: Engine[] = []
  const open: OpenNode = async ({ before = () => undefined, lossOf, isCluster = false, ...options } = {}) => {
    const client = simulatedClient(server, { delay, isCluster, ...(lossOf && { lossOf }) })
    const engine = createSharedEngine({
      client: () => hooked(client, before),
      partitionCount: FEW_PARTITIONS,
      // A server that is away, and connections that are lost, are errors of no call.
      onError: () => undefined,
      ...options,
    })
    const events: EngineEvent[] = []
    engine.listen((event) => events.push(event), new AbortController().signal)
    const node: SimulatedNode = { engine, events, client, hears: true, texts: 0 }
    const hear = client.onMessage.bind(client)
    client.onMessage = (...text) => {
      node.texts++
      if (node.hears) hear(...text)
    }
    engines.push(engine)
    await engine.open()
    return node
  }
  try {
    await body(server, open)
  } finally {
    await Promise.all(engines.map((engine) => engine.close()))
  }
}
