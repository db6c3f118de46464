/** Thrown if the suite can't run because of something that its user can change. The message says what. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
