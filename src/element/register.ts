import { VERSION } from '../session/index.js'
import { isPage, scriptUrl } from '../session/internal.js'

/** An element class, with the copy of this product that has registered it. */
interface Registered extends CustomElementConstructor {
  copy?: string
}

/** This copy, in words. */
const copy = `chat-session ${VERSION} from ${scriptUrl || 'npm'}`

/**
 * Registers an element in a page. If another script has registered the name, the console says which. In a content script of an extension
 * there are no custom elements, and on a server only those of another library.
 */
export const register = (name: string, element: Registered): void => {
  const registry = globalThis.customElements as CustomElementRegistry | null
  if (!isPage || !registry) return
  const taken = registry.get(name) as Registered | undefined
  if (!taken) registry.define(name, Object.assign(element, { copy }))
  else if (taken !== element) {
    const first = taken.copy ?? String(taken).slice(0, 99)
    const text = `<${name}> is defined by ${first}, and not by ${copy}: keep one script`
    // A second copy of the same version does what the first one does.
    console[taken.copy?.startsWith(`chat-session ${VERSION} `) ? 'info' : 'warn'](text)
  }
}
