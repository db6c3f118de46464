import type { Message } from 'chat-session'
import type { ChatSessionElement } from 'chat-session/define'
import { useEffect, useState } from 'react'
import { merged } from '../common/messages.ts'

const nothing = { state: 'none', unread: 0, messages: [] as Message[] }

/**
 * What a `<chat-session>` says: give `setElement` to it as its `ref`. What it did before React came is read from its
 * properties, what it does from then on is received by listeners of an effect: a server-rendered element boots before its
 * page is hydrated, and React sets no `on…` while it hydrates.
 */
export const useChat = () => {
  const [element, setElement] = useState<ChatSessionElement | null>(null)
  const [chat, setChat] = useState(nothing)

  useEffect(() => {
    if (!element) return
    const listening = new AbortController()
    const { signal } = listening
    const read = (): void => {
      const { state, unread } = element
      setChat((chat) => ({ ...chat, state, unread }))
    }
    const add = (more: Message[]): void =>
      setChat((chat) => ({ ...chat, messages: merged(chat.messages, more) }))
    const started = (): void => {
      setChat({ ...nothing, state: element.state, unread: element.unread })
      // A session that ends meanwhile has no inbox; the next one brings its own.
      element.history().then((inbox) => signal.aborted || add(inbox), read)
    }
    element.addEventListener('session-state', read, { signal })
    element.addEventListener('session-unread', read, { signal })
    element.addEventListener('session-started', started, { signal })
    element.addEventListener('session-message', ({ detail }) => add([detail.message]), { signal })
    if (element.state === 'active') started()
    else read()
    return () => {
      listening.abort()
      setChat(nothing)
    }
  }, [element])

  return { element, setElement, ...chat }
}
