/* The script-tag build has this module in the place of styles/load-launcher.ts. */
import { loadPart } from './load-part.js'

export const loadLauncherStyles = (): Promise<unknown> => loadPart('launcher')
