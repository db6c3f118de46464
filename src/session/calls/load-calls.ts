import { createCalls } from './calls.js'

/**
 * Loads the calls that most pages do without. In the npm package this is an ordinary import. The script-tag build replaces this module by
 * one that loads the script of the part `calls`.
 */
export const loadCalls = (): Promise<{ createCalls: typeof createCalls }> => Promise.resolve({ createCalls })

/**
 * Calls `load` for messages that are not stored. The script-tag build waits for a second, unless there is a `reason` why the messages wait,
 * because most messages are stored before that.
 */
export const loadForSend: (load: () => unknown, reason: string | null) => unknown = (load) => load()
