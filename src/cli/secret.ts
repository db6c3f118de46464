import { CliError } from './cli-error.js'

/** A secret comes by the environment: arguments are seen by everybody on the machine, and kept by the shell. */
export const secretOf = (name: string): string => {
  const secret = process.env[name]
  if (!secret)
    throw new CliError(
      `The environment variable ${name} holds no secret: set it, or name another by --secret-env.`,
    )
  return secret
}
