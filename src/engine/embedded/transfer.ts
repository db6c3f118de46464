import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EngineError } from '../errors.js'
import { exportRows } from '../exclusive/transfer/export-rows.js'
import { importRows } from '../exclusive/transfer/import-rows.js'
import { checkFormat } from '../exclusive/store/format.js'
import { rows } from '../exclusive/store/rows.js'
import { unfinishedTransfer, type TransferPages, type TransferTarget } from '../transfer.js'
import { createPrivacy, ensureFolder } from './folder.js'
import { engineErrorOf, openLevelStore, type LevelStore } from './level-store.js'

/** Throws an error of LevelDB or of the folder as an engine's error. */
const rethrow = (folder: string, error: unknown): never => {
  throw error instanceof EngineError ? error : engineErrorOf(folder, error)
}

/** Yields the records in a folder of an embedded engine. Opens no engine on the folder, and changes no row. */
export async function* folderSource(path: string): TransferPages {
  const folder = resolve(path)
  if (!existsSync(join(folder, 'CURRENT')))
    throw new EngineError('unavailable', `There is no data in ${folder}: correct engine.path.`)
  const store = await openLevelStore(folder).catch((error: unknown) => rethrow(folder, error))
  try {
    if (store.getSync(rows.unfinishedTransfer) !== undefined)
      throw new EngineError('unavailable', unfinishedTransfer(folder))
    checkFormat(store, folder)
    yield* exportRows(store)
  } finally {
    await store.close()
  }
}

/** Writes to a folder, which must have no data, for an embedded engine. */
export const folderTarget =
  (path: string): TransferTarget =>
  async (pages, restart) => {
    const folder = resolve(path)
    const makePrivate = createPrivacy(folder, (warning) => process.emitWarning(warning))
    let store: LevelStore | undefined
    try {
      await ensureFolder(folder)
      await makePrivate()
      store = await openLevelStore(folder)
      await makePrivate()
      await importRows(store, folder, pages, restart)
      await makePrivate()
    } catch (error) {
      rethrow(folder, error)
    } finally {
      await store?.close()
    }
  }
