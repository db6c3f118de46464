import { createCalls } from './calls.js'

/**
 * Loads the methods of `ChatSession` that most pages never call, such as `history()`. In the npm package this is an ordinary import. The
 * script-tag build replaces this module by one that loads a second script, `calls` (element/parts/script-parts.ts).
 */
export const loadCalls = (): Promise<{ createCalls: typeof createCalls }> => Promise.resolve({ createCalls })

/**
 * Called while sent messages wait. Calls `load`, which loads the code of `createCalls`: this code also posts the messages if the user
 * leaves the page. In the script-tag build this function waits a second if there is no `reason` why the messages wait, because most are
 * stored by then.
 */
export const loadForSend: (load: () => unknown, reason: string | null) => unknown = (load) => load()
