/** For the command line: not published by the package. */
export { SESSION_PATH } from './transports/node-ws.js'
export { isLogLevel, LOG_LEVELS, type LogLevel } from './log.js'
