import { createCalls } from './calls.js'

/**
 * Loads the calls that most pages do without. From npm it is an ordinary import. The script-tag build replaces this module by one that loads
 * the script of the part.
 */
export const loadCalls = (): Promise<{ createCalls: typeof createCalls }> => Promise.resolve({ createCalls })
