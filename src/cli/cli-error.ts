/** A command was called with wrong arguments. The message says what to change. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** Whether an error's message says what the user can do. Any other error is a defect, and shows its stack. */
export const isForUser = (error: unknown): error is Error =>
  error instanceof Error && ['GatewayError', 'EngineError', 'TokenError', 'CliError'].includes(error.name)
