import type { Call } from '../call.js'
import { appCalls } from './app-calls.js'
import { messageCalls } from './message-calls.js'
import { peerCalls } from './peer-calls.js'
import { pushCalls } from './push-calls.js'
import { sessionCalls } from './session-calls.js'
import { userCalls } from './user-calls.js'

const tagged = (tag: Call['tag'], rows: Omit<Call, 'tag'>[]): Call[] => rows.map((row) => ({ ...row, tag }))

/** Every call of the REST API. The routes, the OpenAPI document and the types of the client are made from this list. */
export const calls: readonly Call[] = [
  ...tagged('Sessions', sessionCalls),
  ...tagged('Users', userCalls),
  ...tagged('Messages', [...messageCalls, ...peerCalls]),
  ...tagged('Users', pushCalls),
  ...tagged('App', appCalls),
]
