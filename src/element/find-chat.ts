import type { ChatSession } from '../session/index.js'

/** What parts read from a `<chat-session>`. Before the tag is registered everything is undefined. */
export type ChatElement = HTMLElement & {
  readonly appId?: unknown
  readonly session?: ChatSession | null
}

/** Returns the first `<chat-session>` with this app id, or with any if it is empty, in the root of `node` or in the roots around it. */
export const findChat = (node: Node, appId: string | null | undefined): ChatElement | undefined => {
  const root = node.getRootNode() as Document | ShadowRoot
  const found = [...root.querySelectorAll<ChatElement>('chat-session')].find(
    (element) => !appId || element.appId === appId,
  )
  return found ?? ('host' in root ? findChat(root.host, appId) : undefined)
}
