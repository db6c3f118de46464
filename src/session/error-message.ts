import { clientErrorMessages, errorMessages } from '../protocol/index.js'

const messages = { ...errorMessages, ...clientErrorMessages }

/**
 * Returns the sentence that explains `code` to a developer. In the script-tag build this function returns the code and a link, because the
 * sentences would be a tenth of the script.
 */
export const errorMessageOf = (code: string): string =>
  Object.hasOwn(messages, code) ? messages[code as keyof typeof messages] : code
