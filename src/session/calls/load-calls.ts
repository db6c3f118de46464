import { createCalls } from './calls.js'
import { reportRedirect } from './report-redirect.js'

const calls = { createCalls, reportRedirect }

/**
 * Loads the methods of `ChatSession` that most pages never call, such as `history()`, and what few pages meet. In the npm package this is
 * an ordinary import. The script-tag build replaces this module by one that loads a second script, `calls` (element/parts/script-parts.ts).
 */
export const loadCalls = (): Promise<typeof calls> => Promise.resolve(calls)
