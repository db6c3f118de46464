import type { Message } from 'chat-session'
import type { ChatSessionElement, SessionMessageEvent } from 'chat-session/define'
import { shallowRef, watch, type ShallowRef } from 'vue'
import { merged } from '../common/messages.ts'

const nothing = { state: 'none', unread: 0, messages: [] as Message[] }

/**
 * Returns the state and messages of a `<chat-session>` as `chat`, and the listeners for the template (`@session-state="read"`
 * and so on). It reads the properties once, because a server-rendered element starts before its page is hydrated.
 */
export const useChat = (element: Readonly<ShallowRef<ChatSessionElement | null>>) => {
  const chat = shallowRef(nothing)

  const read = (): void => {
    if (!element.value) return
    const { state, unread } = element.value
    chat.value = { ...chat.value, state, unread }
  }
  const add = (more: Message[]): void => {
    chat.value = { ...chat.value, messages: merged(chat.value.messages, more) }
  }
  /** Also when the session ends: the next person at this browser must not read the messages. */
  const reset = (): void => {
    chat.value = nothing
    read()
  }
  const started = (): void => {
    const current = element.value
    if (!current) return
    reset()
    const { sessionId } = current
    // If the session ends meanwhile, `history()` rejects.
    current.history().then((inbox) => element.value?.sessionId === sessionId && add(inbox), read)
  }
  const received = ({ detail }: SessionMessageEvent): void => add([detail.message])

  watch(
    element,
    (now) => {
      if (now?.state === 'active') started()
      else reset()
    },
    { flush: 'post' },
  )
  return { chat, read, started, reset, received }
}
