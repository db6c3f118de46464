import type { SessionError } from '../../session/index.js'

const secretKeys = ['token', 'signature', 'authParams', 'password', 'secret', 'resumeKey']
/** A JWT, or a signature in hex. */
const secretText = /\beyJ[\w-]*\.[\w-]*\.?[\w-]*|\b[0-9a-f]{64}\b/gi

const MASK = '••••••'

export const masked = (text: string): string => text.replace(secretText, MASK)

/** JSON for people to read, with the fields of errors and without credentials. */
export const describe = (detail: unknown): string =>
  JSON.stringify(
    detail,
    (key, value: unknown) => {
      if (secretKeys.includes(key) && value) return MASK
      if (typeof value === 'string') return masked(value)
      if (!(value instanceof Error)) return value
      const { code, message, retryable, retryAfter } = value as Partial<SessionError>
      return { code, message, retryable, retryAfter }
    },
    2,
  )
