/** The width and height of an icon in pixels. */
const SIZE = 64

/** The icon links with a dot. `own` is the page's own address of the icon, and `shown` the address that the link shows. */
const dotted = new Map<HTMLLinkElement, { own: string | null; shown: string }>()
let isWanted = false
let observer: MutationObserver | undefined

/** Loads an image. Rejects if it is missing, if its origin does not allow CORS, or if a Content-Security-Policy forbids it. */
const load = async (address: string): Promise<HTMLImageElement> => {
  const image = new Image(SIZE, SIZE)
  image.crossOrigin = 'anonymous'
  // This waits for `load`, because WebKit did not finish `decode()` of an image that it had decoded before.
  await new Promise((resolve, reject) => {
    image.onload = resolve
    image.onerror = reject
    image.src = address
  })
  return image
}

/** Returns the address of an icon with a dot. Rejects if one of the two icons can't be loaded. */
const withDot = async (address: string): Promise<string> => {
  const image = await load(address)
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SIZE
  const context = canvas.getContext('2d')
  if (!context) throw new Error('There is no canvas.')
  context.drawImage(image, 0, 0, SIZE, SIZE)
  context.arc(SIZE * 0.75, SIZE * 0.25, SIZE * 0.25, 0, 2 * Math.PI)
  context.fillStyle = '#d6204e'
  context.fill()
  // If a Content-Security-Policy forbids `data:`, the page keeps its own icon.
  return (await load(canvas.toDataURL())).src
}

/**
 * Returns the page's icon links. If there is none and a dot is wanted, makes one for `/favicon.ico`, which browsers show for a page without
 * icon links.
 */
const icons = (): HTMLLinkElement[] => {
  const links = [...document.querySelectorAll<HTMLLinkElement>('link[rel~=icon]')]
  if (links.length || !isWanted) return links
  const link = document.createElement('link')
  link.rel = 'icon'
  document.head.append(link)
  return [link]
}

const addDot = async (link: HTMLLinkElement): Promise<void> => {
  const own = link.getAttribute('href')
  const entry = { own, shown: own ?? '' }
  dotted.set(link, entry)
  const shown = await withDot(link.href || '/favicon.ico').catch(() => undefined)
  // While the icon loaded, the user may have read everything, or the page may have changed its icon.
  if (!shown || dotted.get(link) !== entry || link.getAttribute('href') !== own) return
  entry.shown = shown
  link.href = shown
}

const removeDot = (link: HTMLLinkElement, { own, shown }: { own: string | null; shown: string }): void => {
  dotted.delete(link)
  // If the page has written another address into the link, the link stays, even if it was made for the dot.
  if (![own, shown].includes(link.getAttribute('href'))) return
  if (own === null) link.remove()
  else link.href = own
}

const update = (): void => {
  for (const [link, entry] of dotted)
    if (!isWanted || !link.isConnected || ![entry.own, entry.shown].includes(link.getAttribute('href')))
      removeDot(link, entry)
  if (isWanted) for (const link of icons()) if (!dotted.has(link)) void addDot(link)
}

/** Shows a dot on the page's icon while the count is not 0. If the page changes its icon, the new icon gets the dot, too. */
export const showFaviconDot = (count: number | undefined): void => {
  isWanted = !!count
  if (isWanted && !observer) {
    observer = new MutationObserver(update)
    observer.observe(document.head, { childList: true, subtree: true, attributeFilter: ['href', 'rel'] })
  } else if (!isWanted) {
    observer?.disconnect()
    observer = undefined
  }
  update()
}
