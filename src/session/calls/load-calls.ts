import { createCalls } from './calls.js'

/**
 * Loads the calls that most pages do without. In the npm package this is an ordinary import. The script-tag build replaces this module by
 * one that loads the script of the part `calls`.
 */
export const loadCalls = (): Promise<{ createCalls: typeof createCalls }> => Promise.resolve({ createCalls })
