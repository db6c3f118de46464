/* What a script tag loads: the element, registered, that connects to the gateway it came from. */
import { setScript } from './endpoint.js'

setScript(import.meta.url)

export { ChatSessionElement } from './define.js'
export { ChatSession } from '../session/index.js'
