import type { ChatSessionElement } from '../../element/chat-session.js'

type Root = Document | ShadowRoot

/** Returns the root of `node`, and those around it. */
const rootsOf = (node: Node): Root[] => {
  const root = node.getRootNode()
  if (root instanceof ShadowRoot) return [root, ...rootsOf(root.host)]
  return root instanceof Document ? [root] : []
}

/**
 * Returns the `<chat-session>` with this id, or else the first one: of the window's own root, else of the roots around it. Null if there is
 * none, and if the id is that of another element.
 */
export const findSession = (host: Element, id: string | null | undefined): ChatSessionElement | null => {
  const selector = id ? `chat-session#${CSS.escape(id)}` : 'chat-session'
  for (const root of rootsOf(host)) {
    const found = root.querySelector<ChatSessionElement>(selector)
    if (found) return found
  }
  return null
}

/** Calls `changed` after each change of the window's roots that may give it another session or another language. */
export const watchRoots = (host: Element, changed: () => void, signal: AbortSignal): void => {
  const observer = new MutationObserver(changed)
  for (const root of rootsOf(host))
    observer.observe(root, { childList: true, subtree: true, attributeFilter: ['id', 'lang'] })
  signal.addEventListener('abort', () => observer.disconnect())
}
