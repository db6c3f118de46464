import { randomBytes } from 'node:crypto'

/** The first part of all connection ids of this process, so that the ids of several gateways differ. */
const PREFIX = randomBytes(16).toString('base64url')
let count = 0

/** Returns an id that no other connection has. */
export const createConnectionId = (): string => `${PREFIX} ${++count}`
