// Start frames that the gateways under test accept.
import { createSignature } from '../../src/tokens/index.js'
import { appId, signatureSecret, tokenFor } from './tokens.js'

/** Returns a start with a valid token, with these fields changed. */
export const startOf = async (userId: string, changes: Record<string, unknown> = {}) => ({
  type: 'start',
  appId,
  token: await tokenFor(userId),
  ...changes,
})

/** Returns the field of a start that resumes the session of `started` after the message at `offset`. */
export const resumeOf = (started: Record<string, unknown>, offset = started['offset']) => ({
  resume: { key: started['resumeKey'], epoch: started['epoch'], offset },
})

/** Returns a start with a valid signature, with these fields changed. */
export const signedStart = async (userId: string, changes: Record<string, unknown> = {}) => ({
  type: 'start',
  appId,
  userId,
  signature: await createSignature(userId, signatureSecret),
  ...changes,
})

/** Returns a start for an app with `authenticate`. */
export const startWithParams = (userId: string, authParams: Record<string, unknown> = {}) => ({
  type: 'start',
  appId,
  userId,
  authParams,
})

export const guestStart = { type: 'start', appId, guest: true } as const
