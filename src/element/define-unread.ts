import { ChatUnreadElement } from './chat-unread.js'
import { register } from './register.js'

register('chat-unread', ChatUnreadElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-unread': ChatUnreadElement
  }
}

export * from './chat-unread.js'
