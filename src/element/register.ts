import { isPage } from '../session/internal.js'

/**
 * Registers an element, unless the name is taken, for example by another copy of the script. On servers some libraries define a registry
 * without a document.
 */
export const register = (name: string, element: CustomElementConstructor): void => {
  if (isPage && !customElements.get(name)) customElements.define(name, element)
}
