/** Exports for the other modules of `src/`. The package does not publish them. */
export { folderSource, folderTarget } from './embedded/transfer.js'
export { codeOf, ensureFolder } from './embedded/folder.js'
export { RedisSource } from './redis/transfer/export/source.js'
export { RedisTarget } from './redis/transfer/import/target.js'
export { pushDeviceId } from './push-devices.js'
export { engineRules } from './rules.js'
export { userKey } from './user-key.js'
export type { TransferSource, TransferTarget, TransferRecord } from './transfer.js'
