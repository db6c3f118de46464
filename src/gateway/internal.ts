/** For the command line: not published by the package. */
export { SESSION_PATH } from './transports/node-ws.js'
export { isLogLevel, LOG_LEVELS, type LogLevel } from './log.js'
export { parseConfig, type AppSettings, type Settings } from './config/parse.js'
export { EXPOSED, exposedTestApps } from './config/exposed.js'
export { isLoopback } from './config/urls.js'
export { createKeySets } from './auth/key-sets.js'
export { reportToken, type TokenReport } from './auth/token-report.js'
export { readCertificate } from './transports/own-server.js'
