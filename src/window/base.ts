import type { ReactiveElement } from '@lit/reactive-element'
import { Lit } from './lit.js'

/**
 * lit's LitElement, with the type of its base class: the build puts lit's own modules into `lit.js` (rollup.config.mjs), so an install of the
 * package has no types of lit.
 */
export const LitElement = Lit as unknown as typeof ReactiveElement

export type { PropertyDeclarations } from '@lit/reactive-element'
