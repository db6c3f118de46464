import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EngineError } from '../errors.js'
import { checkFormat } from '../exclusive/store/format.js'
import { exportRows } from '../exclusive/transfer/export-rows.js'
import { RowImport } from '../exclusive/transfer/import-rows.js'
import { rows } from '../exclusive/store/rows.js'
import { unfinishedTransfer, type TransferSource, type TransferTarget } from '../transfer.js'
import { createPrivacy, ensureFolder } from './folder.js'
import { engineErrorOf, openLevelStore, type LevelStore } from './level-store.js'

const withFolder = async <T>(folder: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw error instanceof EngineError ? error : engineErrorOf(folder, error)
  }
}

/** The data in a folder of an embedded engine. The transfer opens no engine on the folder, and changes no row. */
export const folderSource = (path: string): TransferSource => {
  const folder = resolve(path)
  let store: LevelStore | undefined
  return {
    open: () =>
      withFolder(folder, async () => {
        if (!existsSync(join(folder, 'CURRENT')))
          throw new EngineError('unavailable', `There is no data in ${folder}: correct engine.path.`)
        store = await openLevelStore(folder)
        if (store.getSync(rows.unfinishedTransfer) !== undefined)
          throw new EngineError('unavailable', unfinishedTransfer(folder))
        // The format is checked before the transfer opens the target, because the opening already writes to the target.
        checkFormat(store, folder)
      }),
    async *pages() {
      if (store) yield* exportRows(store)
    },
    close: async () => store?.close(),
  }
}

/**
 * The folder to which a transfer writes, for an embedded engine. The folder must have no data. With `restart` it may have data of an
 * unfinished transfer.
 */
export const folderTarget = (path: string): TransferTarget => {
  const folder = resolve(path)
  const makePrivate = (): Promise<void> => createPrivacy(folder, (warning) => process.emitWarning(warning))()
  let opened: { store: LevelStore; rows: RowImport } | undefined
  const use = (work: (rows: RowImport) => Promise<void>): Promise<void> =>
    withFolder(folder, async () => {
      if (opened) await work(opened.rows)
    })
  return {
    open: ({ restart }) =>
      withFolder(folder, async () => {
        await ensureFolder(folder)
        await makePrivate()
        const store = await openLevelStore(folder)
        opened = { store, rows: new RowImport(store) }
        await makePrivate()
        await opened.rows.begin(folder, restart)
      }),
    write: (records) => use((rows) => rows.write(records)),
    finish: () =>
      use(async (rows) => {
        await rows.finish()
        await makePrivate()
      }),
    close: async () => opened?.store.close(),
  }
}
