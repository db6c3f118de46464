/* The script of the part `calls`: what a page needs that sends. A form loads it before its first message. */
export { createCalls } from '../../session/internal.js'
export { listenToForms } from '../forms/forms.js'
