import { clientSentences, sentences, type ProtocolCode } from '../protocol/index.js'
import type { ClientCode, SessionErrorCode } from './errors.js'

// The compiler sees to it here, where all codes are known, that each has a sentence.
const known: Readonly<Record<ProtocolCode | ClientCode, string>> = { ...sentences, ...clientSentences }

/**
 * The sentence that explains `code` to a developer. The script-tag build puts a link in the place of this module:
 * sentences would be a tenth of it.
 */
export const sentenceOf = (code: SessionErrorCode): string =>
  Object.hasOwn(known, code) ? known[code as keyof typeof known] : code
