import type { Message } from 'chat-session'
import type { ChatSessionElement } from 'chat-session/define'
import { useEffect, useState } from 'react'
import { merged } from '../common/messages.ts'

const nothing = { state: 'none', unread: 0, messages: [] as Message[] }

/**
 * Returns the state and messages of a `<chat-session>`, whose `ref` must be `setElement`. An effect reads the properties and
 * adds listeners: a server-rendered element starts before its page is hydrated, and hydration adds no `on…` listeners.
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
    const reset = (): void => setChat({ ...nothing, state: element.state, unread: element.unread })
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
    if (element.state === 'active') started()
    else read()
    return () => {
      listening.abort()
      setChat(nothing)
    }
  }, [element])

  return { element, setElement, ...chat }
}
