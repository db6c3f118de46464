/** Pixels from the end within which the user counts as being there. */
const NEAR_END = 48

/** A log that scrolls from its end: there `scrollTop` is 0, and above it less. */
export const isAtEnd = (log: Element): boolean => -log.scrollTop <= NEAR_END

const topOf = (element: Element): number => element.getBoundingClientRect().top

/** Returns a function that puts the message which the user reads back to where it was, whatever came above or below it. */
export const keepPlace = (log: Element): (() => void) => {
  if (isAtEnd(log)) {
    return () => {
      log.scrollTop = 0
    }
  }
  const top = topOf(log)
  const firstSeen = (within: Element, selector: string): Element | undefined =>
    [...within.querySelectorAll(selector)].find((each) => each.getBoundingClientRect().bottom > top)
  // To measure a message that is out of sight, the browser would lay out its whole chunk.
  const chunk = firstSeen(log, 'ol')
  const read = chunk && firstSeen(chunk, '.message')
  if (!read) return () => undefined
  const before = topOf(read)
  return () => {
    if (read.isConnected) log.scrollTop += topOf(read) - before
  }
}
