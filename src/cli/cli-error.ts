/**
 * Thrown if a command can't do its work because of something that its user can change, such as an argument, a config or a file. The message
 * says what.
 */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** Returns whether an error's message tells the user what to change. Any other error is a defect, and is shown with its stack. */
export const isForUser = (error: unknown): error is Error =>
  error instanceof Error && ['GatewayError', 'EngineError', 'TokenError', 'CliError'].includes(error.name)
