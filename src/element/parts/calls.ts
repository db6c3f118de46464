/* The script of the part `calls`: the methods that most pages do not call, what few pages meet, and the messages of forms. */
export { createCalls, reportRedirect } from '../../session/internal.js'
export { listenToForms } from '../forms/forms.js'
