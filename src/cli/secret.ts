import { CliError } from './cli-error.js'

/** Returns a secret from the environment. Arguments are no place for one: other users see them, and the shell keeps them. */
export const secretOf = (name: string): string => {
  const secret = process.env[name]
  if (!secret)
    throw new CliError(
      `The environment variable ${name} holds no secret: set it, or name another variable with --secret-env.`,
    )
  return secret
}
