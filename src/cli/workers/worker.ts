import type { GatewayOptions, Log } from '../../gateway/index.js'
import { ROLE, type ToPrimary, type ToWorker } from './messages.js'

/** The primary process, as a worker sees it. */
interface Primary {
  /** Whether this worker opens the admin listener. */
  readonly isAdmin: boolean
  /** The gateway's option `metrics`. With it `/metrics` has the metrics of all workers. */
  readonly metrics: NonNullable<GatewayOptions['metrics']>
  listening(url: string, admin: string | null): void
  on(type: 'stop' | 'reload', call: () => void): void
}

/** Returns the primary process; null in a process that is no worker. */
export const connectToPrimary = (log: Pick<Log, 'error'>): Primary | null => {
  const role = process.env[ROLE]
  if (role === undefined || !process.send) return null
  const send = (message: ToPrimary): void => void process.send?.(message)
  const scrapes = new Map<number, (text: string) => void>()
  const calls = new Map<'stop' | 'reload', () => void>()
  /** The messages that came before `on` was called. If they were not kept, a signal that comes while this worker starts would be lost. */
  const early = new Set<'stop' | 'reload'>()
  let collect = (): Promise<object[]> => Promise.resolve([])
  let lastId = 0
  process.on('message', (message: ToWorker) => {
    if (message.type === 'collect') {
      void collect()
        .catch((err: unknown) => {
          // A scrape must not end the process and its sessions.
          log.error({ err }, "a worker's metrics could not be read, and are left out of the scrape")
          return []
        })
        .then((metrics) => send({ type: 'collected', id: message.id, metrics }))
    } else if (message.type === 'scraped') {
      scrapes.get(message.id)?.(message.text)
      scrapes.delete(message.id)
    } else {
      const call = calls.get(message.type)
      if (call) call()
      else early.add(message.type)
    }
  })
  send({ type: 'connected' })
  return {
    isAdmin: role === 'admin',
    metrics(own) {
      collect = own
      return () =>
        new Promise((resolve) => {
          const id = ++lastId
          scrapes.set(id, resolve)
          send({ type: 'scrape', id })
        })
    },
    listening: (url, admin) => send({ type: 'listening', url, admin }),
    on(type, call) {
      calls.set(type, call)
      if (early.delete(type)) call()
    },
  }
}
