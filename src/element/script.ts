/* The entry of the script-tag build: registers the element, which connects to the gateway that served the script. */
import { setScriptUrl } from './endpoint.js'

setScriptUrl(import.meta.url)

export { ChatSessionElement } from './define.js'
export { ChatSession } from '../session/index.js'
