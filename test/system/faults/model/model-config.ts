import { join } from 'node:path'
import type { GatewayConfig } from '../../../../src/gateway/index.js'
import { appId, secret } from '../../../support/tokens.js'

/** Per second fewer messages are accepted than a burst and the sends around it have together. */
export const MESSAGES_PER_SECOND = 15

export const configOf = (folder: string): GatewayConfig => ({
  listen: { port: 0 },
  engine: { type: 'embedded', path: join(folder, 'data') },
  drainTime: 0.3,
  // This is longer than a slow machine takes to start the process again.
  resumeWindow: 600,
  apps: {
    [appId]: { environment: 'test', secrets: [secret], limits: { messagesPerSecond: MESSAGES_PER_SECOND } },
  },
})
