/*
 * The entry of the script-tag build, `chat-session.js`. It registers both elements. `<chat-session>` connects to the gateway that served
 * the script.
 */
import { ChatSessionElement } from './define.js'
import './define-unread.js'
import { isPage } from '../session/internal.js'
import { pinnedEndpoints } from './session/endpoint.js'

// A worker has no elements. If `pinnedEndpoints` throws, the empty list stays, and it allows no endpoint.
ChatSessionElement.endpoints = []
if (isPage) ChatSessionElement.endpoints = pinnedEndpoints()

export { ChatSessionElement }
export { ChatSession } from '../session/index.js'
