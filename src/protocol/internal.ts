/** What other rooms use of this one and no client needs. */
export { object, wrongField } from './schema.js'
