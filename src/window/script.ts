/* The entry of the script-tag build, `chat-window.js`. */
import { ChatWindowElement } from './define.js'

export { ChatWindowElement }
