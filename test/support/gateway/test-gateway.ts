import type { Engine } from '../../../src/engine/index.js'
import { assembleGateway } from '../../../src/gateway/gateway.js'
import type { PushNetwork } from '../../../src/gateway/push/push-request.js'
import {
  createLog,
  type AppConfig,
  type Gateway,
  type GatewayConfig,
  type Log,
} from '../../../src/gateway/index.js'
import { appId, secret, signatureSecret } from '../tokens.js'

/** What a gateway is given besides its config. */
export interface GatewayParts {
  /** Used in place of the config's engine. */
  engine?: Engine
  /** Used in place of a log that keeps `lines`. */
  log?: Log
  /** Used in place of the internet. */
  pushNetwork?: PushNetwork
}

/** Returns the config of a test app that accepts guests, tokens and, unless credentials have to expire, signatures. */
export const testApp = (changes: Partial<AppConfig> = {}): AppConfig => ({
  environment: 'test',
  secrets: [secret],
  signatureSecrets: (changes.requireExpiry ?? changes.environment === 'production') ? [] : [signatureSecret],
  ...changes,
})

/**
 * Creates a gateway with a memory engine and one test app, which nothing closes: it is for processes of their own, because on Bun
 * `node:test` works in tests only.
 */
export const createTestGateway = (
  app: Partial<AppConfig> = {},
  config: Partial<GatewayConfig> = {},
  { engine, log, pushNetwork }: GatewayParts = {},
): { gateway: Gateway; lines: string[] } => {
  const lines: string[] = []
  const keeping = { level: 'debug', destination: { write: (line: string) => void lines.push(line) } } as const
  const gateway = assembleGateway(
    {
      listen: { port: 0 },
      ...(!engine && { engine: { type: 'memory' } }),
      apps: { [appId]: testApp(app) },
      ...config,
    },
    { env: {}, log: log ?? createLog(keeping), ...(engine && { engine }) },
    pushNetwork,
  )
  return { gateway, lines }
}
