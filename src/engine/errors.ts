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

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

/** Returns what reports an engine's errors, each in a microtask of its own, so that an error in `report` interrupts no work of the engine. */
export const reporterOf =
  (report: (error: unknown) => void = warn) =>
  (error: unknown): void =>
    queueMicrotask(() => report(error))
