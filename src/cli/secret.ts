import { CliError } from './cli-error.js'

/**
 * Returns a secret from the environment. In an argument other users of the machine would see it, and it would stay in the shell's history.
 */
export const secretOf = (name: string): string => {
  const secret = process.env[name]
  if (!secret)
    throw new CliError(
      `The environment variable ${name} holds no secret: set it, or name another variable with --secret-env.`,
    )
  return secret
}
