import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scratchFolder } from '../scratch-folder.js'
import { run, type Running } from '../processes/command-line.js'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { freePort } from '../network/free-port.js'
import { appId, secret } from '../tokens.js'
import { runtime } from '../processes/fault-runtime.js'

/** A gateway in a process of its own that can be killed and started again on the same folder and port. */
export interface GatewayProcess {
  endpoint: string
  folder: string
  config: string
  /** Starts it; resolves when it listens. */
  start(): Promise<void>
  /** The id of the running process. */
  pid(): number | undefined
  /** The text that the process has written to standard error. */
  errorOutput(): string
  /** Ends the process by a signal. Resolves with its exit code after its exit: null for SIGKILL. */
  stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
}

export const gatewayProcess = async (config: Partial<GatewayConfig> = {}): Promise<GatewayProcess> => {
  const folder = scratchFolder()
  const port = await freePort()
  const file = join(folder, 'gateway.json')
  const complete: GatewayConfig = {
    listen: { port },
    engine: { type: 'embedded', path: join(folder, 'data') },
    // This is longer than a slow machine takes to start the process again.
    resumeWindow: 600,
    apps: {
      [appId]: {
        environment: 'test',
        secrets: [secret],
        retention: { messages: 1_000_000, days: 30, bytes: 2 ** 40 },
        // The limits are high: a test that reads a long inbox by `history` would wait for the rate limit.
        limits: {
          messagesPerSecond: 100_000,
          requestsPerSecond: 100_000,
          bytesPerSecond: 2 ** 40,
          sessionsPerUser: 100,
        },
      },
    },
    ...config,
  }
  writeFileSync(file, JSON.stringify(complete))
  let running: Running | undefined
  let errorOutput = ''
  return {
    endpoint: `http://127.0.0.1:${port}`,
    folder,
    config: file,
    async start() {
      running = run(['serve', '--config', file], {}, tmpdir(), runtime.path)
      errorOutput = ''
      running.child.stderr?.on('data', (text: string) => (errorOutput += text))
      await running.url()
    },
    pid: () => running?.child.pid,
    errorOutput: () => errorOutput,
    async stop(signal) {
      running?.child.kill(signal)
      return (await running?.outcome)?.code ?? null
    },
  }
}
