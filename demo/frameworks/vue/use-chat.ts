import type { Message } from 'chat-session'
import type { ChatSessionElement, SessionMessageEvent } from 'chat-session/define'
import { shallowRef, watch, type ShallowRef } from 'vue'
import { merged } from '../common/messages.ts'

const nothing = { state: 'none', unread: 0, messages: [] as Message[] }

/**
 * What a `<chat-session>` says: `chat` is read from its properties as soon as it is there, since one that a server
 * rendered boots before Vue comes, and by the listeners that go into the template: `@session-state="read"` and so on.
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
  const started = (): void => {
    const asked = element.value
    if (!asked) return
    chat.value = { ...nothing, state: asked.state, unread: asked.unread }
    const { sessionId } = asked
    // A session that ends meanwhile has no inbox; the next one brings its own.
    asked.history().then((inbox) => element.value?.sessionId === sessionId && add(inbox), read)
  }
  const received = ({ detail }: SessionMessageEvent): void => add([detail.message])

  watch(
    element,
    (now) => {
      chat.value = nothing
      if (now?.state === 'active') started()
      else read()
    },
    { flush: 'post' },
  )
  return { chat, read, started, received }
}
