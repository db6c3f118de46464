import { clientErrorMessages, errorMessages } from '../protocol/index.js'

const messages = { ...errorMessages, ...clientErrorMessages }

/**
 * Returns the sentence that explains `code` to a developer. The script-tag build replaces this module (rollup.config.mjs) by one that
 * returns the code and a link, because the sentences would be a tenth of the script.
 */
export const errorMessageOf = (code: string): string =>
  Object.hasOwn(messages, code) ? messages[code as keyof typeof messages] : code
