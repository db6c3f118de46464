import { createCalls } from './calls.js'

/**
 * Loads the methods of `ChatSession` that most pages never call, such as `history()`. In the npm package this is an ordinary import. The
 * script-tag build replaces this module by one that loads a second script, `calls` (element/parts/script-parts.ts).
 */
export const loadCalls = (): Promise<{ createCalls: typeof createCalls }> => Promise.resolve({ createCalls })

/**
 * Called while messages wait. Calls `load`, which loads the code of `createCalls`, because that code posts the messages if the user leaves
 * the page. `reason` says why they wait, and is null if they are on their way. The script-tag build replaces this function by one that
 * first waits a second if `reason` is null, because most messages are stored by then.
 */
export const loadForSend: (load: () => unknown, reason: string | null) => unknown = (load) => load()
