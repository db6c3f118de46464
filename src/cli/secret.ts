import { CliError } from './cli-error.js'

/**
 * Returns the secret in an environment variable. Other users of the machine would see a secret in an argument, and the shell's history
 * would keep it.
 */
export const secretOf = (name: string): string => {
  const secret = process.env[name]
  if (!secret)
    throw new CliError(
      `The environment variable ${name} holds no secret: set it, or name another variable with --secret-env.`,
    )
  return secret
}
