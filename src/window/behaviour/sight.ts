/** Tells when a part of the window comes into sight or leaves it. The part may be drawn anew, or not be there. */
export interface Sight {
  /**
   * Watches this element from now on. Called after each drawing. If the element has a scroller, the observer tells again of an element that
   * stays in sight, because what was drawn may have pushed it away.
   */
  watch(element: Element | null, scroller?: Element | null): void
}

/** Pixels around a scroller that count as in sight. */
const MARGIN = 300

export const createSight = (changed: (isInSight: boolean) => void): Sight => {
  let watched: Element | null = null
  let observer: IntersectionObserver | undefined
  return {
    watch(element, scroller) {
      if (element === watched && !scroller) return
      observer?.disconnect()
      if (!element && watched) changed(false)
      watched = element
      if (!element) return
      observer = new IntersectionObserver(
        (entries) => changed(entries.at(-1)?.isIntersecting === true),
        scroller ? { root: scroller, rootMargin: `${MARGIN}px 0px` } : {},
      )
      observer.observe(element)
    },
  }
}
