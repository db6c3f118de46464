/** What the command line uses of this room and the package does not publish. */
export { SESSION_PATH } from './transports/node-ws.js'
