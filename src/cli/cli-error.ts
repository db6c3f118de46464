/** A command was called with wrong arguments. The message says what to change. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** Returns whether an error's message tells the user what to change. Any other error is a defect, and is shown with its stack. */
export const isForUser = (error: unknown): error is Error =>
  error instanceof Error && ['GatewayError', 'EngineError', 'TokenError', 'CliError'].includes(error.name)
