/*
 * The script-tag build has this module in the place of @lit/reactive-element: the class of `<chat-session>` extends ReactiveElement, so a
 * page with the first script has it already. If the page has loaded, and has no such class, ReactiveElement is a script of its own.
 */
import type { ReactiveElement as Base } from '@lit/reactive-element'
import { loadPart } from './load-part.js'

const loaded = new Promise((resolve) => {
  if (document.readyState === 'complete') resolve(undefined)
  else addEventListener('load', resolve, { once: true })
})
await Promise.race([customElements.whenDefined('chat-session'), loaded])

const session = customElements.get('chat-session')
const base = session && (Object.getPrototypeOf(session) as Partial<typeof Base>)

export const ReactiveElement = base?.elementStyles
  ? base
  : ((await loadPart('base')) as { ReactiveElement: typeof Base }).ReactiveElement
