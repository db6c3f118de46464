import { join } from 'node:path'
import type { GatewayConfig } from '../../src/gateway/index.js'
import { appId, secret } from './gateway-process.js'

export const configOf = (folder: string): GatewayConfig => ({
  listen: { port: 0 },
  engine: { type: 'embedded', path: join(folder, 'data') },
  drainTime: 0.3,
  apps: {
    [appId]: { environment: 'test', secrets: [secret], limits: { messagesPerSecond: 100_000 } },
  },
})
