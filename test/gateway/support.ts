import { after } from 'node:test'
import { createGateway, createLog, type Gateway, type GatewayConfig } from '../../src/gateway/index.js'
import { createSignature } from '../../src/tokens/index.js'
import { secret, tokenFor } from '../support/tokens.js'

export { secret, tokenFor }

export const signatureSecret = 'the secret of the signatures of a test'

export interface RunningGateway {
  gateway: Gateway
  url: string
  /** Every line that the gateway has logged, from level debug on. */
  lines: string[]
}

type App = GatewayConfig['apps'][string]

/** Returns the config of a test app with guests, tokens and signatures. */
export const testApp = (changes: Partial<App> = {}): App => ({
  environment: 'test',
  secrets: [secret],
  signatureSecrets: [signatureSecret],
  ...changes,
})

/** Starts a gateway on a free port with one app, `app`. It is closed after the file's tests. */
export const runGateway = async (
  app: Partial<App> = {},
  config: Partial<GatewayConfig> = {},
): Promise<RunningGateway> => {
  const lines: string[] = []
  const gateway = createGateway(
    { listen: { port: 0 }, engine: { type: 'memory' }, apps: { app: testApp(app) }, ...config },
    { env: {}, log: createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } }) },
  )
  after(() => gateway.close())
  return { gateway, url: await gateway.listen(), lines }
}

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
