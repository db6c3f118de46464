// This import comes first, because the shim has to be in place before ReactiveElement is evaluated.
import { removeShim } from './server-shim.js'
import { ReactiveElement } from '@lit/reactive-element'

removeShim()

export { ReactiveElement }
export type { PropertyDeclaration, PropertyDeclarations, ReactiveController } from '@lit/reactive-element'
