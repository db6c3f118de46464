import { randomBytes } from 'node:crypto'

/** Connection ids begin with this, so that the ids of several gateways differ. */
const PREFIX = randomBytes(16).toString('base64url')
let count = 0

/** Returns an id that no other connection has. One text, because V8 keeps both parts of a template's, in twice the memory. */
export const createConnectionId = (): string => [PREFIX, ++count].join(' ')
