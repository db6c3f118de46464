import { createCalls } from './calls.js'

/**
 * Loads the methods of `ChatSession` that most pages never call, such as `history()`. In the npm package this is an ordinary import. The
 * script-tag build replaces this module by one that loads the script of the part `calls`.
 */
export const loadCalls = (): Promise<{ createCalls: typeof createCalls }> => Promise.resolve({ createCalls })

/**
 * Called while sent messages wait. `load` loads the script of the calls, which also posts the messages if the user leaves the page. If
 * there is a `reason` why the messages wait, the script-tag build calls `load` at once. Otherwise it calls `load` after a second: most
 * messages are stored by then, and need no `load`.
 */
export const loadForSend: (load: () => unknown, reason: string | null) => unknown = (load) => load()
