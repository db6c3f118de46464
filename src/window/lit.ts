// This import comes first, because the shim has to be in place before lit's modules are evaluated.
import { removeShim } from './server-shim.js'
import { LitElement } from 'lit'

removeShim()

export { LitElement as Lit }
export { html, nothing, type TemplateResult } from 'lit'
export { repeat } from 'lit/directives/repeat.js'
