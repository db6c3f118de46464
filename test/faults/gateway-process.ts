import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '../support/scratch-folder.js'
import { run, type Running } from '../cli/run.js'
import type { GatewayConfig } from '../../src/gateway/index.js'
import { freePort } from '../support/free-port.js'
import { appId, secret, tokenFor } from '../support/tokens.js'

export { appId, secret, tokenFor }

/** A gateway in a process of its own that can be killed, and comes back on the same folder and port. */
export interface GatewayProcess {
  endpoint: string
  folder: string
  config: string
  /** Starts it; resolves when it listens. */
  start(): Promise<void>
  /** Of the process that runs. */
  pid(): number | undefined
  /** What that process has said on standard error. */
  said(): string
  /** Ends the process by a signal and resolves with its exit code when it is gone: null for SIGKILL. */
  stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
}

export const gatewayProcess = async (config: Partial<GatewayConfig> = {}): Promise<GatewayProcess> => {
  const folder = scratchFolder()
  const port = await freePort()
  const file = join(folder, 'gateway.json')
  const whole: GatewayConfig = {
    listen: { port },
    engine: { type: 'embedded', path: join(folder, 'data') },
    // However long a slow machine takes to come back.
    resumeWindow: 600,
    apps: {
      [appId]: {
        environment: 'test',
        secrets: [secret],
        retention: { messages: 1_000_000, days: 30, bytes: 2 ** 40 },
        limits: { messagesPerSecond: 100_000, bytesPerSecond: 2 ** 40, sessionsPerUser: 100 },
      },
    },
    ...config,
  }
  writeFileSync(file, JSON.stringify(whole))
  let running: Running | undefined
  let said = ''
  return {
    endpoint: `http://127.0.0.1:${port}`,
    folder,
    config: file,
    async start() {
      running = run(['serve', '--config', file])
      said = ''
      running.child.stderr?.on('data', (text: string) => (said += text))
      await running.url()
    },
    pid: () => running?.child.pid,
    said: () => said,
    async stop(signal) {
      running?.child.kill(signal)
      return (await running?.outcome)?.code ?? null
    },
  }
}
