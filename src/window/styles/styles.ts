import { base } from './base.js'
import { composerStyles } from './composer.js'
import { listStyles } from './list.js'
import { loadLauncherStyles } from './load-launcher.js'
import { threadStyles } from './thread.js'

const sheetOf = (text: string): CSSStyleSheet => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(text)
  return sheet
}

/** The sheets that all windows share, made when they are first needed. Such sheets need no inline style. */
let common: CSSStyleSheet | undefined
let launcher: CSSStyleSheet | undefined

/** Returns the styles of a window. Those of a launcher, which takes no room, are loaded first. */
export const stylesOf = async (isLauncher: boolean): Promise<CSSStyleSheet[]> => {
  common ??= sheetOf(base + listStyles + threadStyles + composerStyles)
  if (!isLauncher) return [common]
  const { launcherStyles } = await loadLauncherStyles()
  return [common, (launcher ??= sheetOf(launcherStyles))]
}
