// The order counts: the stand-in has to be there first.
import { removeShim } from './server-shim.js'
import { ReactiveElement } from '@lit/reactive-element'

removeShim()

export { ReactiveElement }
export type { PropertyDeclaration, PropertyDeclarations } from '@lit/reactive-element'
