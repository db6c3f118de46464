/* The entry of the script-tag build: registers the element, which connects to the gateway that served the script. */
import './define-unread.js'
import { ChatSessionElement } from './define.js'
import { pinnedEndpoints, setScriptUrl } from './session/endpoint.js'

setScriptUrl(import.meta.url)
// If `pinnedEndpoints` throws, the empty list stays, and it allows no endpoint.
ChatSessionElement.endpoints = []
ChatSessionElement.endpoints = pinnedEndpoints()

export { ChatSessionElement }
export { ChatSession } from '../session/index.js'
