import type * as Launcher from './launcher.js'

/** Loads the styles that only a launcher needs. The script-tag build replaces this module by one that loads a script. */
export const loadLauncherStyles = (): Promise<typeof Launcher> => import('./launcher.js')
