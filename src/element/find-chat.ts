import type { ChatSession } from '../session/index.js'

/** The properties of a `<chat-session>` that parts read. Before the tag is registered they are undefined. */
export type ChatElement = HTMLElement & {
  readonly appId?: unknown
  readonly session?: ChatSession | null
}

/**
 * Returns the first `<chat-session>` with this app id in the root of `node` or in the roots around it. If `appId` is empty, any app counts.
 */
export const findChat = (node: Node, appId: string | null | undefined): ChatElement | undefined => {
  const wanted = appId?.trim()
  const root = node.getRootNode() as Document | ShadowRoot
  const found = [...root.querySelectorAll<ChatElement>('chat-session')].find(
    (element) => !wanted || element.appId === wanted,
  )
  return found ?? ('host' in root ? findChat(root.host, appId) : undefined)
}
