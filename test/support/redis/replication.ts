import { startProxy } from '../network/proxy.js'
import { until } from '../until.js'
import { standalone, type RedisServer } from './server.js'

const offsetOf = async (server: RedisServer, field: string): Promise<number> =>
  Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await server.command('info', 'replication'))?.[1] ?? -1)

/** Resolves when a replica has all that its master has stored before this call. */
export const untilReplicated = async (master: RedisServer, replica: RedisServer): Promise<void> => {
  const stored = await offsetOf(master, 'master_repl_offset')
  await until(
    'the replica has all of its master',
    async () => (await offsetOf(replica, 'slave_repl_offset')) >= stored,
  )
}

/** Resolves when a server that was a master is a replica, and has all of the new master. */
export const untilReplica = (server: RedisServer): Promise<void> =>
  until('the server is a replica', async () => {
    // A Sentinel that makes a server a replica has it close all connections.
    const state = await server.command('info', 'replication').catch(String)
    return state.includes('role:slave') && state.includes('master_link_status:up')
  })

/** Has a master's replicas receive nothing more. They do not know its password; open connections are not asked for it. */
export const cutReplicas = async (master: RedisServer): Promise<void> => {
  await master.command('config', 'set', 'requirepass', 'unknown to replicas')
  await master.command('-a', 'unknown to replicas', 'client', 'kill', 'type', 'replica')
}

/** A master and its replica behind one address. */
export interface Pair {
  /** The address of whichever of the two is the master. */
  readonly url: string
  /** Sends a command to the master. */
  command: RedisServer['command']
  /** From now on the replica receives nothing more, and the master goes on: what it stores will be lost. */
  cut(): Promise<void>
  /** Makes the replica the master, and ends all connections to the old one. */
  failOver(): Promise<void>
}

export const startPair = async (): Promise<Pair> => {
  const master = await standalone()
  const replica = await standalone({ settings: { replicaof: `127.0.0.1 ${master.port}` } })
  await until('the replica follows', async () =>
    (await replica.command('info', 'replication')).includes('master_link_status:up'),
  )
  let current = master
  const proxy = await startProxy(() => current.url.replace('redis:', 'http:'))
  return {
    url: proxy.url.replace('http:', 'redis:'),
    command: (...args) => current.command(...args),
    async cut() {
      await untilReplicated(master, replica)
      await cutReplicas(master)
    },
    async failOver() {
      await replica.command('replicaof', 'no', 'one')
      current = replica
      await master.kill()
      proxy.cut()
    },
  }
}
