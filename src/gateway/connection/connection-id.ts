import { randomUUID } from 'node:crypto'

/** Connection ids begin with this, so that the ids of several gateways differ. */
const PREFIX = `${randomUUID()} `
let count = 0

/** Returns an id that no other connection has. */
export const createConnectionId = (): string => `${PREFIX}${++count}`
