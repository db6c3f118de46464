import { createCalls } from './calls.js'

/**
 * Loads the methods of `ChatSession` that most pages never call, such as `history()`. In the npm package this is an ordinary import. The
 * script-tag build replaces this module by one that loads a second script, `calls` (element/parts/script-parts.ts).
 */
export const loadCalls = (): Promise<{ createCalls: typeof createCalls }> => Promise.resolve({ createCalls })
