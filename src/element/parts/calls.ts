/* The script of the part `calls`: the methods that most pages do not call, and the messages of forms. */
export { createCalls } from '../../session/internal.js'
export { listenToForms } from '../forms/forms.js'
