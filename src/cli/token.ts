import { createAppToken, createToken } from '../tokens/index.js'
import { secretOf } from './secret.js'

interface AppTokenOptions {
  app: string
  expiresIn: number
  secretEnv: string
}

interface TokenOptions extends AppTokenOptions {
  user: string
}

export const printToken = async ({ app, user, expiresIn, secretEnv }: TokenOptions): Promise<void> => {
  console.log(await createToken({ appId: app, userId: user, expiresIn, secret: secretOf(secretEnv) }))
}

/** Prints a token for the REST API. */
export const printAppToken = async ({ app, expiresIn, secretEnv }: AppTokenOptions): Promise<void> => {
  console.log(await createAppToken({ appId: app, expiresIn, secret: secretOf(secretEnv) }))
}
