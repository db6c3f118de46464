/** A command was called wrongly. The message tells the user what to change. */
export class CliError extends Error {
  override readonly name = 'CliError'
}
