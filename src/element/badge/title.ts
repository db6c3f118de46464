import { ifPossible, toJson } from '../../session/internal.js'

/** The key under which `sessionStorage` keeps the titles for the next page of the tab. */
const KEY = 'chat-session-titles'
/** How many titles are known. The caches of libraries keep fewer pages. */
const MAX_TITLES = 200

/** The page's own title for each title with a count that a page of this tab has shown, the newest last. */
const ownTitles =
  ifPossible(() => new Map(JSON.parse(sessionStorage.getItem(KEY) ?? '') as [string, string][])) ??
  new Map<string, string>()

/** The text before the page's own title; empty while no count is shown. */
let prefix = ''
let observer: MutationObserver | undefined

/**
 * Returns a title without our counts. Libraries such as Turbo, and scripts of the page, keep a title that they have read and put it back
 * later, alone or within another title.
 */
const ownTitle = (title: string): string => {
  for (const [shown, own] of ownTitles)
    // Without a title of the page the count is all that was shown. It may also be a part of other titles. A title may have several counts:
    // each turn makes it shorter. The function keeps `replace` from reading a `$` of the title.
    if (own ? title.includes(shown) : title === shown) return ownTitle(title.replace(shown, () => own))
  return title
}

/** Writes the prefix before the page's own title. */
const update = (): void => {
  const { title } = document
  const own = ownTitle(title)
  const shown = (prefix + own).trim()
  if (shown !== own) {
    ownTitles.delete(shown)
    ownTitles.set(shown, own)
    const [oldest] = ownTitles.keys()
    if (ownTitles.size > MAX_TITLES && oldest !== undefined) ownTitles.delete(oldest)
  }
  if (title !== shown) document.title = shown
}

/** Takes the count off while htmx stores the title for later, when this part may not be loaded. `observer` shows the count again. */
const htmxStores = (): void => {
  document.title = ownTitle(document.title)
}

const pageHidden = (): void => {
  // Without storage the next page does not recognize the titles of this page.
  ifPossible(() => sessionStorage.setItem(KEY, toJson([...ownTitles])))
}

/**
 * Shows the count before the page's title. If the page changes its title, the new title gets the count, too. With undefined the page has its
 * own title again. A title that comes back later loses its count even then, so the title is observed as long as the page lives.
 */
export const showInTitle = (count: number | undefined): void => {
  prefix = count ? `(${count}) ` : ''
  if (!prefix && !ownTitles.size) return
  update()
  if (observer) return
  observer = new MutationObserver(update)
  // Turbo and other libraries replace the `<title>` element, so `head` is observed.
  observer.observe(document.head, { childList: true, characterData: true, subtree: true })
  document.addEventListener('htmx:beforeHistorySave', htmxStores)
  addEventListener('pagehide', pageHidden)
}
