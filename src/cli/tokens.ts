import { createAppToken, createSignature, createToken } from '../tokens/index.js'
import { CliError } from './cli-error.js'

interface SecretOptions {
  secretEnv: string
}

interface AppTokenOptions extends SecretOptions {
  app: string
  expiresIn: number
}

/**
 * Returns the secret in an environment variable. Other users of the machine would see a secret in an argument, and the shell's history
 * would keep it.
 */
const secretOf = ({ secretEnv }: SecretOptions): string => {
  const secret = process.env[secretEnv]
  if (secret) return secret
  throw new CliError(
    `The environment variable ${secretEnv} holds no secret: set it, or name another variable with --secret-env.`,
  )
}

export const printToken = async (options: AppTokenOptions & { user: string }): Promise<void> => {
  const { app, user, expiresIn } = options
  console.log(await createToken({ appId: app, userId: user, expiresIn, secret: secretOf(options) }))
}

/** Prints a token for the REST API. */
export const printAppToken = async (options: AppTokenOptions): Promise<void> => {
  const { app, expiresIn } = options
  console.log(await createAppToken({ appId: app, expiresIn, secret: secretOf(options) }))
}

export const printSignature = async (options: SecretOptions & { user: string }): Promise<void> => {
  console.log(await createSignature(options.user, secretOf(options)))
}
