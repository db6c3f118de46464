/* Loads what only some pages need. The script-tag build replaces this module by one that loads scripts. */
import type * as Files from './files.js'
import type * as Launcher from './launcher.js'

export type { Files, Launcher }

/** For a page that has set `upload`. */
export const loadFiles = (): Promise<typeof Files> => import('./files.js')

/** For a window that is opened by a button. */
export const loadLauncher = (): Promise<typeof Launcher> => import('./launcher.js')
