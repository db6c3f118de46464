/** A command was called with wrong arguments. The message says what to change. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** Returns whether an error's message says how to mend its cause. Any other error is a defect, and shows its stack. */
export const isForUser = (error: unknown): error is Error =>
  error instanceof Error && ['GatewayError', 'EngineError', 'TokenError', 'CliError'].includes(error.name)
