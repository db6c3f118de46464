import type { SessionError } from '../session/index.js'
import { emit } from './emit.js'
import { loadPart, type Parts } from './parts/parts.js'

/** Calls `use` with the module of a part. If it can't be loaded, calls `use` with the error, and the target dispatches `session-error`. */
export const usePart = <K extends keyof Parts>(
  name: K,
  target: () => HTMLElement | undefined,
  use: (part?: Parts[K], error?: SessionError) => void,
): void =>
  void loadPart(name).then(use, (reason: unknown) => {
    const error = reason as SessionError
    use(undefined, error)
    emit(target(), 'session-error', { error })
  })
