/** What stands before the page's own title; undefined while nothing was touched. */
let prefix: string | undefined
let observer: MutationObserver | undefined

/** Writes the title with `next` before it. A page that changes its title from what it reads keeps no former prefix. */
const write = (next: string): void => {
  const { title } = document
  const own = prefix && title.startsWith(prefix) ? title.slice(prefix.length) : title
  prefix = next
  if (title !== next + own) document.title = next + own
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
  // Turbo and others replace the element.
  observer.observe(document.head, { childList: true, characterData: true, subtree: true })
}
