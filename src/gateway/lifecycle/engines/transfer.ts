import {
  folderSource,
  folderTarget,
  redisSource,
  redisTarget,
  type TransferPages,
  type TransferRecord,
  type TransferTarget,
} from '../../../engine/internal.js'
import type { Settings } from '../../config/parse.js'
import { GatewayError } from '../../errors.js'
import { redisServerOf } from './redis-server.js'

/** How many records of these kinds have been transferred. */
export type TransferProgress = Record<'users' | 'inboxes' | 'messages' | 'events', number>

/** How many records a target gets at once, at least: with fewer, targets would wait for a sync or a reply more often. */
const RECORDS_AT_ONCE = 500

type EngineSettings = Pick<Settings, 'engine' | 'sendWindow'>

/** Returns how the data of a config's engine are read and written. `option` names the config in errors. */
const mediumOf = (
  option: string,
  { engine, sendWindow }: EngineSettings,
): { read: () => TransferPages; write: TransferTarget } => {
  switch (engine.type) {
    case 'memory':
      throw new GatewayError(
        'bad-config',
        `${option}: a memory engine has no data to transfer: name a config with another engine.`,
      )
    case 'embedded':
      return { read: () => folderSource(engine.path), write: folderTarget(engine.path) }
    case 'redis': {
      const place = { server: redisServerOf(engine), prefix: engine.prefix }
      return { read: () => redisSource(place, sendWindow), write: redisTarget(place) }
    }
  }
}

const countedAs = (record: TransferRecord): keyof TransferProgress | undefined => {
  if (record.kind === 'user') return record.record && 'users'
  if (record.kind === 'inbox') return 'inboxes'
  if (record.kind === 'message') return 'messages'
  return record.kind === 'event' ? 'events' : undefined
}

interface TransferOptions {
  /** Whether to delete first what an unfinished transfer has written to the target. */
  restart: boolean
  /** Called after each page of records. */
  onProgress: (progress: TransferProgress) => void
}

/** Transfers all data of one config's engine to the engine of another config. The second engine must be empty. */
export const transferData = async (
  from: EngineSettings,
  to: EngineSettings,
  { restart, onProgress }: TransferOptions,
): Promise<TransferProgress> => {
  const progress: TransferProgress = { users: 0, inboxes: 0, messages: 0, events: 0 }
  const [{ read }, { write }] = [mediumOf('--from', from), mediumOf('--to', to)]
  const source = read()[Symbol.asyncIterator]()
  // The target is opened after the first page, because a source that can't be read must leave no flag in the target.
  let page = await source.next()
  const pages = async function* (): TransferPages {
    let records: TransferRecord[] = []
    for (; page.done !== true; page = await source.next()) {
      for (const record of page.value) {
        records.push(record)
        const name = countedAs(record)
        if (name) progress[name]++
      }
      if (records.length < RECORDS_AT_ONCE) continue
      yield records
      onProgress(progress)
      records = []
    }
    yield records
  }
  try {
    await write(pages(), restart)
  } finally {
    await source.return?.()
  }
  return progress
}
