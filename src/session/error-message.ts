import { clientErrorMessages, errorMessages } from '../protocol/index.js'
import type { SessionErrorCode } from './errors.js'

const known = { ...errorMessages, ...clientErrorMessages }

/**
 * Returns the sentence that explains `code` to a developer. The script-tag build replaces this module by one that returns
 * a link, because the sentences would be a tenth of the script.
 */
export const sentenceOf = (code: SessionErrorCode): string =>
  Object.hasOwn(known, code) ? known[code as keyof typeof known] : code
