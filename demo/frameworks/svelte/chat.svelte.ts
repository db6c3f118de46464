import type { Message } from 'chat-session'
import type { ChatSessionElement } from 'chat-session/define'
import { merged } from '../common/messages.ts'

/**
 * The state and messages of a `<chat-session>` with `{@attach chat.attach}`. `attach` reads the properties once, because a
 * server-rendered element starts before its page is hydrated.
 */
export class Chat {
  element = $state.raw<ChatSessionElement | null>(null)
  state = $state('none')
  unread = $state(0)
  messages = $state.raw<Message[]>([])

  readonly attach = (element: ChatSessionElement): (() => void) => {
    const listening = new AbortController()
    const { signal } = listening
    const read = (): void => {
      this.state = element.state
      this.unread = element.unread
    }
    const add = (more: Message[]): void => {
      this.messages = merged(this.messages, more)
    }
    const reset = (): void => {
      read()
      this.messages = []
    }
    const started = (): void => {
      reset()
      // If the session ends meanwhile, `history()` rejects.
      element.history().then((inbox) => signal.aborted || add(inbox), read)
    }
    element.addEventListener('session-state', read, { signal })
    element.addEventListener('session-unread', read, { signal })
    element.addEventListener('session-started', started, { signal })
    // The next person at this browser must not read the messages.
    element.addEventListener('session-ended', reset, { signal })
    element.addEventListener('session-message', ({ detail }) => add([detail.message]), { signal })
    this.element = element
    if (element.state === 'active') started()
    else read()
    return () => {
      listening.abort()
      this.element = null
      this.state = 'none'
      this.unread = 0
      this.messages = []
    }
  }
}
