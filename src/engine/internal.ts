/** What other rooms use of this one and the package does not publish. */
export { codeOf, ensureFolder } from './embedded/folder.js'
