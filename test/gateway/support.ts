import type { GatewayConfig } from '../../src/gateway/index.js'
import { createSignature } from '../../src/tokens/index.js'
import { startGateway, type TestGateway } from '../support/gateway.js'
import { secret, tokenFor } from '../support/tokens.js'

export { secret, tokenFor }

export const signatureSecret = 'the secret of the signatures of a test'

type App = GatewayConfig['apps'][string]

/** Returns the config of a test app with guests, tokens and signatures. */
export const testApp = (changes: Partial<App> = {}): App => ({
  environment: 'test',
  secrets: [secret],
  signatureSecrets: [signatureSecret],
  ...changes,
})

/** Starts a gateway with the test app as changed. */
export const runGateway = (
  app: Partial<App> = {},
  config: Partial<GatewayConfig> = {},
): Promise<TestGateway> => startGateway(testApp(app), config)

/** Returns a start with a valid token. */
export const startOf = async (userId: string, changes: Record<string, unknown> = {}) => ({
  type: 'start',
  appId: 'app',
  token: await tokenFor(userId),
  ...changes,
})

export const signedStart = async (userId: string) => ({
  type: 'start',
  appId: 'app',
  userId,
  signature: await createSignature(userId, signatureSecret),
})
