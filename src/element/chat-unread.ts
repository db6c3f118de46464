import { isPage } from '../session/internal.js'
import { usePart } from './parts/use-part.js'

/** Servers have no HTMLElement, and import this module without using it. */
const Base = isPage ? HTMLElement : (Object as unknown as typeof HTMLElement)

/**
 * `<chat-unread>` shows as its text the number of unread messages of the first `<chat-session>` in its tree, else in the trees around it.
 * With `app-id` only a `<chat-session>` of that app counts. The text is empty while nothing is unread. Text from the server stays until the
 * number is known.
 *
 * @tagname chat-unread
 * @attribute {string} app-id - The app whose messages are counted; needed only on pages with several apps.
 * @attribute {number} max - The largest number that is shown; above it the text is `max+`, for example `9+`.
 * @attribute {string} label - The text for screen readers, with `{n}` for the number, such as `{n} unread messages`.
 * @cssState none - While the element has no text: nothing is unread, or the number is not known.
 */
export class ChatUnreadElement extends Base {
  connectedCallback(): void {
    void usePart('badge', this).then((part) => part?.update(this))
  }

  disconnectedCallback(): void {
    this.connectedCallback()
  }
}
