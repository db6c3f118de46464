import type { SessionError } from '../session/index.js'
import { emit } from './emit.js'
import { loadPart, type Parts } from './parts/parts.js'

/** Calls `use` with the module of a part. If it can't be loaded, calls `use` without one, and the target dispatches `session-error`. */
export const usePart = <K extends keyof Parts>(
  name: K,
  target: () => HTMLElement | undefined,
  use: (part?: Parts[K]) => void,
): void =>
  void loadPart(name).then(use, (error: unknown) => {
    use()
    emit(target(), 'session-error', { error: error as SessionError })
  })
