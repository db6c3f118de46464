/** What is wrong with how a command was called. */
export class CliError extends Error {
  override readonly name = 'CliError'
}
