export type EngineErrorCode =
  /** Another process has the folder open. */
  | 'locked'
  /** The folder can't be made, read or written. */
  | 'unwritable'
  /** The engine is closed, or its store has failed. */
  | 'unavailable'

export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly code: EngineErrorCode

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
