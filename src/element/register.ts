import { page } from '../session/internal.js'

// On servers some libraries define a registry without a document.
const registry = page && customElements

/** Registers an element, unless a second copy of the script has taken the name. */
export const register = (name: string, element: CustomElementConstructor): void => {
  if (registry && !registry.get(name)) registry.define(name, element)
}
