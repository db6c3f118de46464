import { createToken } from '../tokens/index.js'
import { secretOf } from './secret.js'

export const printToken = async (options: {
  app: string
  user: string
  expiresIn: number
  secretEnv: string
}): Promise<void> => {
  const { app: appId, user: userId, expiresIn, secretEnv } = options
  console.log(await createToken({ appId, userId, expiresIn, secret: secretOf(secretEnv) }))
}
