/** Exports for the other folders of `src/`. The package does not publish them. */
export { codeOf, ensureFolder } from './embedded/folder.js'
export { createHmacSha256 } from './util/hmac-sha256.js'
export { Multimap } from './util/multimap.js'
export { sha256 } from './util/sha256.js'
