import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, type Running } from '../../support/processes/command-line.js'
import { runtime } from '../../support/processes/fault-runtime.js'
import { freePort } from '../../support/network/free-port.js'
import { startProxy, type Proxy } from '../../support/network/proxy.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { appId, secret } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import type { EngineConfig, GatewayConfig } from '../../../src/gateway/index.js'
import type { WebhookLog } from './webhook-log.js'

/** Seconds. Clients notice a stopped gateway after two pings without an answer. */
const PING_INTERVAL = 3
export const RESUME_WINDOW = 30
const DRAIN_TIME = 5

/** One of the gateways on a Redis: a process of the command line. */
export interface GatewayNode {
  readonly name: string
  readonly endpoint: string
  readonly port: number
  /** Whether the balancer sends connections to it. */
  readonly isServing: boolean
  /** Starts the process. Resolves when it is ready. */
  start(): Promise<void>
  /** Ends the process. Resolves with its exit code after its exit: null for SIGKILL. */
  stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
  /** Stops the process by SIGSTOP: it keeps its connections and does nothing. */
  pause(): void
  resume(): Promise<void>
  /** The status of `/readyz`; 0 if there is no answer. */
  readyz(): Promise<number>
  /** What the process has logged. */
  log(): string
}

export interface OpenedEngineOptions {
  name: string
  engine: EngineConfig
  webhooks?: WebhookLog
  config?: Partial<GatewayConfig>
  /** The path of another build's command line. @default the command line of this build */
  program?: string | undefined
}

export const gatewayNode = async ({
  name,
  engine,
  webhooks,
  config = {},
  program,
}: OpenedEngineOptions): Promise<GatewayNode & { setProgram(path: string | undefined): void }> => {
  const folder = scratchFolder()
  const port = await freePort()
  const file = join(folder, 'gateway.json')
  const complete: GatewayConfig = {
    listen: { port },
    engine,
    pingInterval: PING_INTERVAL,
    resumeWindow: RESUME_WINDOW,
    drainTime: DRAIN_TIME,
    apps: {
      [appId]: {
        environment: 'test',
        secrets: [secret],
        retention: { messages: 1_000_000, days: 30, bytes: 2 ** 40 },
        limits: { messagesPerSecond: 100_000, bytesPerSecond: 2 ** 40, sessionsPerUser: 100 },
        ...(webhooks && { webhooks: webhooks.configOf(name) }),
      },
    },
    ...config,
  }
  writeFileSync(file, JSON.stringify(complete))
  const endpoint = `http://127.0.0.1:${port}`
  let path = program
  let running: Running | undefined
  let isServing = false
  let log = ''
  const readyz = async (): Promise<number> => {
    try {
      const { status } = await fetch(`${endpoint}/readyz`, { signal: AbortSignal.timeout(8_000) })
      return status
    } catch {
      return 0
    }
  }
  return {
    name,
    endpoint,
    port,
    get isServing() {
      return isServing
    },
    setProgram: (other) => void (path = other),
    async start() {
      running = run(['serve', '--config', file], {}, folder, runtime.path, path)
      running.child.stderr?.on('data', (text: string) => (log += text))
      await running.url()
      await until(`${name} is ready`, readyz, 200)
      isServing = true
    },
    async stop(signal) {
      isServing = false
      webhooks?.onFault(name)
      running?.child.kill(signal)
      return (await running?.outcome)?.code ?? null
    },
    pause() {
      isServing = false
      webhooks?.onFault(name)
      running?.child.kill('SIGSTOP')
    },
    async resume() {
      running?.child.kill('SIGCONT')
      await until(`${name} is ready again`, readyz, 200)
      isServing = true
    },
    readyz,
    log: () => log,
  }
}

/** A balancer without stickiness: the serving gateways get the connections in turn, so each gateway has some. */
export const startBalancer = (nodes: readonly GatewayNode[]): Promise<Proxy> => {
  let turn = 0
  return startProxy(() => {
    const serving = nodes.filter(({ isServing }) => isServing)
    const [first] = nodes
    return (serving[turn++ % serving.length] ?? first)?.endpoint ?? ''
  })
}
