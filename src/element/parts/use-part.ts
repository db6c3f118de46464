import { toSessionError } from '../../session/internal.js'
import { emit } from '../events/emit.js'
import { loadPart, type Parts } from './parts.js'

/**
 * Resolves with the module of a part. If the part can't be loaded, dispatches `session-error` on the target and resolves with undefined.
 */
export const usePart = <K extends keyof Parts>(name: K, target: HTMLElement): Promise<Parts[K] | undefined> =>
  loadPart(name).catch((error: unknown) => {
    emit(target, 'session-error', { error: toSessionError(error, 'script-unavailable') })
    return undefined
  })
