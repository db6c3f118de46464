/** Where only the list or the thread is seen, a thread has an entry of the browser's history, so that the browser's back leads to the list. */
export interface BackEntry {
  /** Makes the entry, or takes it away. */
  set(isWanted: boolean): void
  /** Whether the user has gone back from the entry. Called at `popstate`. */
  isLeft(): boolean
}

const NAME = 'chat-window'

/** The entry's own state, with what the page and its router keep in it. */
const state = (): Partial<Record<string, unknown>> => {
  const value: unknown = history.state
  return typeof value === 'object' && value !== null ? value : {}
}

/** `look` is called when `set` has to be called again. */
export const createBackEntry = (look: () => void): BackEntry => {
  /** The number of the entry's thread. Another window of the page has another number. */
  let number: number | undefined
  /** Whether the browser has not gone back yet. It would go back from an entry that is made before. */
  let isGoingBack = false
  return {
    set(isWanted) {
      if (isGoingBack || isWanted === (number !== undefined)) return
      if (isWanted) {
        number = Math.random()
        try {
          history.pushState({ ...state(), [NAME]: number }, '')
        } catch {
          // A frame without an address of its own, or a page that made too many entries: its back button leaves the page.
        }
        return
      }
      // The page may have made entries of its own meanwhile. Those stay.
      isGoingBack = state()[NAME] === number
      number = undefined
      if (!isGoingBack) return
      const onPopState = (): void => {
        isGoingBack = false
        look()
      }
      addEventListener('popstate', onPopState, { once: true })
      history.back()
    },
    isLeft() {
      if (number === undefined || state()[NAME] === number) return false
      number = undefined
      return true
    },
  }
}
