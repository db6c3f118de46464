import { isPageHidden } from './page.js'

/** Tells the gateway whether the page is hidden. */
export interface Visibility {
  /** Called for each `start` frame that is made. Returns whether the page is hidden, which the frame says. */
  start(): boolean
  /** Called for each new connection: the gateway has accepted one of the starts that were made since the last one. */
  connected(): void
  /** Sends `visibility` if the gateway does not know whether the page is hidden now. */
  update(): void
}

/** `send` sends the frame if the session is active, and returns whether it did. */
export const createVisibility = (send: (hidden: boolean) => boolean): Visibility => {
  /** What the starts say that were made since the last connection. An attempt may make several, and the gateway may accept any of them. */
  const started = new Set<boolean>()
  /** What the gateway knows of this connection; undefined if the starts differ. */
  let known: boolean | undefined

  return {
    start() {
      const hidden = isPageHidden()
      started.add(hidden)
      return hidden
    },
    connected() {
      const [first, other] = started
      known = other === undefined ? first : undefined
      started.clear()
    },
    update() {
      const hidden = isPageHidden()
      if (hidden !== known && send(hidden)) known = hidden
    },
  }
}
