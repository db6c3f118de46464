/* The script-tag build has this module in the place of on-demand/load.ts. */
import { loadPart } from './load-part.js'

export const loadFiles = (): Promise<unknown> => loadPart('upload')
export const loadLauncher = (): Promise<unknown> => loadPart('launcher')
