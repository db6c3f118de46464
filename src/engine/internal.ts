/** Exports for the other folders of `src/`. The package does not publish them. */
export { folderSource, folderTarget } from './embedded/copy.js'
export { codeOf, ensureFolder } from './embedded/folder.js'
export { RedisSource } from './redis/transfer/source.js'
export { RedisTarget } from './redis/transfer/target.js'
export type { CopySource, CopyTarget, TransferRecord } from './transfer.js'
export { createHmacSha256 } from './util/hmac-sha256.js'
export { Multimap } from './util/multimap.js'
export { sha256 } from './util/sha256.js'
