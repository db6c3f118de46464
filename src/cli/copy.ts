import { transferData, type TransferProgress } from '../gateway/internal.js'
import { loadSettings } from './load-config.js'
import { count } from './report.js'

export interface CopyOptions {
  from: string
  to: string
  restart?: boolean
}

const PROGRESS_INTERVAL = 1_000

const textOf = ({ users, inboxes, messages, events }: TransferProgress): string =>
  [
    count(users, 'user'),
    inboxes === 1 ? '1 inbox' : `${inboxes} inboxes`,
    count(messages, 'message'),
    count(events, 'webhook event'),
  ].join(', ')

/** Transfers the data of one config's engine to the engine of another config. Prints the progress to standard error. */
export const copy = async ({ from, to, restart = false }: CopyOptions): Promise<void> => {
  const source = await loadSettings(from, '--from: ')
  const target = await loadSettings(to, '--to: ')
  let printedAt = performance.now()
  const transferred = await transferData(source, target, {
    restart,
    onProgress(progress) {
      if (performance.now() - printedAt < PROGRESS_INTERVAL) return
      printedAt = performance.now()
      console.error(`transferred so far: ${textOf(progress)}`)
    },
  })
  console.error('The transfer is complete. Sessions were not transferred: clients start new ones.')
  console.log(`transferred ${textOf(transferred)}`)
}
