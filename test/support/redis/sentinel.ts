import { until } from '../until.js'
import { redisServer, type RedisServer, type ServerOptions } from './server.js'

export interface SentinelSetup {
  /** The name by which the Sentinels know the master. */
  readonly name: string
  /** The first is the master until a failover. */
  readonly servers: readonly RedisServer[]
  readonly sentinels: readonly RedisServer[]
  /** Resolves with the server that the Sentinels name as master. */
  master(): Promise<RedisServer>
  /** Resolves when all Sentinels name another server than `before` as master, which they reach, and no failover goes on. */
  failedOver(before: RedisServer): Promise<void>
  /** Has the Sentinels make a replica the master. Resolves when it is. */
  failover(): Promise<void>
}

export interface SentinelOptions extends ServerOptions {
  /** An address or a name of this machine. The servers know each other by it, and Sentinels name servers by it. @default 127.0.0.1 */
  host?: string
}

const NAME = 'chat'

const sentinelConfig = (host: string, port: number, password: string | undefined): string =>
  [
    'resolve-hostnames yes',
    'announce-hostnames yes',
    `monitor ${NAME} ${host} ${port} 2`,
    // Sentinels send a PING each second. After one second they would fail over a new master again before they have its first reply.
    `down-after-milliseconds ${NAME} 2000`,
    `failover-timeout ${NAME} 6000`,
    `parallel-syncs ${NAME} 2`,
    ...(password === undefined ? [] : [`auth-pass ${NAME} ${password}`]),
  ].join('\nsentinel ')

/** Starts a master with two replicas, and three Sentinels that watch them and see a lost master after two seconds. */
export const startSentinels = async ({
  host = '127.0.0.1',
  ...options
}: SentinelOptions = {}): Promise<SentinelSetup> => {
  const first = await redisServer(options)
  const replicaOptions = {
    ...options,
    settings: {
      replicaof: `${host} ${first.port}`,
      'replica-announce-ip': host,
      ...options.settings,
    },
  }
  const replicas = await Promise.all([redisServer(replicaOptions), redisServer(replicaOptions)])
  const servers = [first, ...replicas]
  await Promise.all(servers.map((server) => server.start()))
  await until('both replicas follow the master', async () =>
    (await first.command('info', 'replication')).includes('connected_slaves:2'),
  )
  const sentinelOptions = {
    sentinel: true,
    ...(options.tls && { tls: options.tls }),
    settings: { sentinel: sentinelConfig(host, first.port, options.password) },
  }
  const sentinels = await Promise.all([1, 2, 3].map(() => redisServer(sentinelOptions)))
  await Promise.all(sentinels.map((sentinel) => sentinel.start()))
  for (const sentinel of sentinels)
    await until('each Sentinel knows all servers', async () => {
      const state = await sentinel.command('sentinel', 'master', NAME)
      return state.includes('num-slaves\n2\n') && state.includes('num-other-sentinels\n2\n')
    })
  // The replicas' state at a Sentinel is complete only after it has asked each of them.
  for (const sentinel of sentinels)
    await until('each Sentinel has a reply of each replica', async () => {
      const state = await sentinel.command('sentinel', 'replicas', NAME)
      return state.match(/master-link-status\nok/g)?.length === 2
    })

  const master = async (): Promise<RedisServer> => {
    const ports = await Promise.all(
      sentinels.map(async (sentinel) =>
        Number((await sentinel.command('sentinel', 'get-master-addr-by-name', NAME)).split('\n')[1]),
      ),
    )
    const named = servers.find(({ port }) => port === ports[0])
    if (!named) throw new Error(`The Sentinels name a master that is none of these: ${ports.join()}`)
    return named
  }

  const failedOver = (before: RedisServer): Promise<void> =>
    until('all Sentinels name another master', async () => {
      const now = await master()
      const states = await Promise.all(
        sentinels.map((sentinel) => sentinel.command('sentinel', 'master', NAME)),
      )
      return (
        now !== before &&
        // Each other state adds a flag: s_down, o_down, failover_in_progress.
        states.every(
          (state) => state.includes(`\nport\n${now.port}\n`) && state.includes('\nflags\nmaster\n'),
        ) &&
        (await now.command('info', 'replication')).includes('role:master')
      )
    })

  return {
    name: NAME,
    servers,
    sentinels,
    master,
    failedOver,
    async failover() {
      const before = await master()
      await sentinels[0]?.command('sentinel', 'failover', NAME)
      await failedOver(before)
    },
  }
}
