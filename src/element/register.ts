import { isPage } from '../session/internal.js'

/**
 * Registers an element in a page, unless the name is taken, for example by another copy of the script. On a server it does nothing, even
 * if a library has defined `customElements` there.
 */
export const register = (name: string, element: CustomElementConstructor): void => {
  if (isPage && !customElements.get(name)) customElements.define(name, element)
}
