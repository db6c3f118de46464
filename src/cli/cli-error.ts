/** A command was called with wrong arguments. The message says what to change. */
export class CliError extends Error {
  override readonly name = 'CliError'
}
