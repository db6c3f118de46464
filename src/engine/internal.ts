/** What other rooms import from here and the package does not export. */
export { codeOf, ensureFolder } from './embedded/folder.js'
