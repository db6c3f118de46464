/** The text that `write` has put before the page's own title; undefined while no session shows its count there. */
let prefix: string | undefined
let observer: MutationObserver | undefined

/**
 * Writes `next` before the page's own title, in place of the former prefix. A new title begins with the former prefix, too, if the page has
 * built it from the shown title.
 */
const write = (next: string): void => {
  const { title } = document
  // `document.title` drops spaces at its end. If nothing follows the prefix, the prefix loses its space, so the comparison adds one.
  const own = prefix && `${title} `.startsWith(prefix) ? title.slice(prefix.length) : title
  prefix = next
  const shown = (next + own).trim()
  if (title !== shown) document.title = shown
}

/** Shows the count before the page's title. If the page changes its title, the new title gets the count, too. */
export const showInTitle = (count: number | undefined): void => {
  if (count === undefined) {
    observer?.disconnect()
    observer = undefined
    if (prefix !== undefined) write('')
    prefix = undefined
    return
  }
  write(count ? `(${count}) ` : '')
  if (observer) return
  observer = new MutationObserver(() => write(prefix ?? ''))
  // Turbo and other libraries replace the `<title>` element, so `head` is observed.
  observer.observe(document.head, { childList: true, characterData: true, subtree: true })
}
