import { isPage } from '../session/internal.js'

/**
 * Registers an element, unless a second copy of the script has taken the name. On servers some libraries define a registry without a
 * document.
 */
export const register = (name: string, element: CustomElementConstructor): void => {
  if (isPage && !customElements.get(name)) customElements.define(name, element)
}
