import { createRace } from './stream/create-race.js'

/**
 * Loads the race of a WebSocket and a stream. In the npm package this is an ordinary import. The script-tag build replaces this module by
 * one that loads a second script, `stream` (element/parts/script-parts.ts).
 */
export const loadRace = (): Promise<{ createRace: typeof createRace }> => Promise.resolve({ createRace })
