import { randomBytes } from 'node:crypto'

/** Returns a random name for an engine, which no other engine has. */
export const createNodeName = (): string => randomBytes(9).toString('base64url')
