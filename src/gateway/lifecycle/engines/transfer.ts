import {
  folderSource,
  folderTarget,
  RedisSource,
  RedisTarget,
  type TransferSource,
  type TransferTarget,
  type TransferRecord,
} from '../../../engine/internal.js'
import type { Settings } from '../../config/parse.js'
import { GatewayError } from '../../errors.js'
import { redisServerOf } from './redis-server.js'

type EngineSettings = Settings['engine']

/** How many records of these kinds have been transferred. */
export type TransferProgress = Record<'users' | 'inboxes' | 'messages' | 'events', number>

const counted: Partial<Record<TransferRecord['kind'], keyof TransferProgress>> = {
  user: 'users',
  inbox: 'inboxes',
  message: 'messages',
  event: 'events',
}

const inMemory = (option: string): GatewayError =>
  new GatewayError(
    'bad-config',
    `${option}: a memory engine has no data to transfer: name a config with another engine.`,
  )

const sourceOf = ({ engine, sendWindow }: Pick<Settings, 'engine' | 'sendWindow'>): TransferSource => {
  switch (engine.type) {
    case 'memory':
      throw inMemory('--from')
    case 'embedded':
      return folderSource(engine.path)
    case 'redis':
      return new RedisSource({ server: redisServerOf(engine), prefix: engine.prefix }, sendWindow)
  }
}

const targetOf = (engine: EngineSettings): TransferTarget => {
  switch (engine.type) {
    case 'memory':
      throw inMemory('--to')
    case 'embedded':
      return folderTarget(engine.path)
    case 'redis':
      return new RedisTarget({ server: redisServerOf(engine), prefix: engine.prefix })
  }
}

interface TransferOptions {
  /** Whether to delete first what an unfinished transfer has written to the target. */
  restart: boolean
  /** Called after each page of records. */
  onProgress: (progress: TransferProgress) => void
}

/** Transfers all data of one config's engine to the engine of another config. The second engine must be empty. */
export const transferData = async (
  from: Pick<Settings, 'engine' | 'sendWindow'>,
  to: Pick<Settings, 'engine'>,
  { restart, onProgress }: TransferOptions,
): Promise<TransferProgress> => {
  const progress: TransferProgress = { users: 0, inboxes: 0, messages: 0, events: 0 }
  const [source, target] = [sourceOf(from), targetOf(to.engine)]
  try {
    await source.open()
    await target.open({ restart })
    for await (const records of source.pages()) {
      await target.write(records)
      for (const { kind } of records) {
        const name = counted[kind]
        if (name) progress[name]++
      }
      onProgress(progress)
    }
    await target.finish()
    return progress
  } finally {
    await source.close()
    await target.close()
  }
}
