/* The script of the part `calls`, which a page needs to send messages. A form loads the script before its first message. */
export { createCalls } from '../../session/internal.js'
export { listenToForms } from '../forms/forms.js'
