import { base } from './base.js'
import { composerStyles } from './composer.js'
import { listStyles } from './list.js'
import { threadStyles } from './thread.js'

const sheetOf = (text: string): CSSStyleSheet => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(text)
  return sheet
}

/** The sheets that all windows share, made when they are first needed. Such sheets need no inline style. */
let common: CSSStyleSheet | undefined
let launcher: CSSStyleSheet | undefined

/** Returns the styles of a window, with those of a launcher if there are any. */
export const stylesOf = (launcherStyles: string | undefined): CSSStyleSheet[] => {
  common ??= sheetOf(base + listStyles + threadStyles + composerStyles)
  return launcherStyles === undefined ? [common] : [common, (launcher ??= sheetOf(launcherStyles))]
}
