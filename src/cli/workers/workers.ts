import cluster, { type Worker } from 'node:cluster'
import type { Log } from '../../gateway/index.js'
import { aggregateMetrics } from '../../gateway/internal.js'
import { untilSignal } from '../until-signal.js'
import { ROLE, type ToPrimary, type ToWorker } from './messages.js'

/** Milliseconds until a worker that ended is replaced. Each further end doubles the delay, up to `MAX_DELAY`, until a worker is sound. */
const FIRST_DELAY = 1_000
const MAX_DELAY = 30_000
/** Milliseconds after which a running worker counts as sound. If a sound worker ends, its successor starts after `FIRST_DELAY`. */
const SOUND_AFTER = 60_000
/**
 * Milliseconds in which a worker must answer with its metrics. A worker that is too busy is left out. While Redis hangs, a worker answers
 * after six seconds at the latest (`ENGINE_TIMEOUT` of gateway/lifecycle). Prometheus waits for ten seconds by default.
 */
const COLLECT_TIMEOUT = 7_000

/** The place of one worker and its successors. */
interface Slot {
  readonly role: 'admin' | 'plain'
  delay: number
  timer: NodeJS.Timeout | undefined
}

const ignore = (): void => undefined

const post = (worker: Worker, message: ToWorker): void => {
  // A worker that was just killed still counts as connected. Without a callback the failed write would be an `error` event that ends this
  // process, and with it all workers. The worker's `exit` event follows.
  if (worker.isConnected()) worker.send(message, ignore)
}

/**
 * Runs `count` worker processes on one port. The primary process accepts all connections and gives them to the workers in turn. An even
 * spread matters, because connections last long. If the workers accepted from one socket, the kernel would favour some of them.
 */
export const runWorkers = (count: number, log: Log): void => {
  cluster.schedulingPolicy = cluster.SCHED_RR
  const slots = Array.from({ length: count }, (_, index): Slot => {
    return { role: index === 0 ? 'admin' : 'plain', delay: FIRST_DELAY, timer: undefined }
  })
  const workers = new Set<Worker>()
  const collecting = new Map<number, (metrics: object[]) => void>()
  let lastId = 0
  let isStopping = false
  let hasListened = false
  let listening = 0
  let adminUrl: string | null = null
  let onEmpty = (): void => undefined

  const collect = (worker: Worker): Promise<object[]> =>
    new Promise((resolve) => {
      const id = ++lastId
      const finish = (metrics: object[]): void => {
        clearTimeout(timer)
        worker.off('exit', onExit)
        collecting.delete(id)
        resolve(metrics)
      }
      const onExit = (): void => finish([])
      const timer = setTimeout(() => finish([]), COLLECT_TIMEOUT)
      collecting.set(id, finish)
      worker.once('exit', onExit)
      post(worker, { type: 'collect', id })
    })

  const scrape = async (worker: Worker, id: number): Promise<void> => {
    const text = await aggregateMetrics(await Promise.all([...workers].map(collect)))
    post(worker, { type: 'scraped', id, text })
  }

  const onListening = (url: string, admin: string | null): void => {
    adminUrl ??= admin
    listening += 1
    if (!hasListened) {
      hasListened = true
      // The other workers start only when the first one serves. Otherwise each worker would report the same problem, such as a port in use.
      for (const slot of slots.slice(1)) start(slot)
    }
    if (listening !== count) return
    if (adminUrl !== null) console.log(`admin listening on ${adminUrl}`)
    console.log(`listening on ${url}`)
  }

  const startLater = (slot: Slot): void => {
    slot.timer = setTimeout(() => start(slot), slot.delay)
    slot.delay = Math.min(MAX_DELAY, 2 * slot.delay)
  }

  const replace = (slot: Slot, ranFor: number, ended: object): void => {
    slot.delay = ranFor >= SOUND_AFTER ? FIRST_DELAY : slot.delay
    log.error(
      { ...ended, delay: slot.delay },
      'a worker process ended: its clients resume with the other workers, and another one starts after the delay',
    )
    startLater(slot)
  }

  const onNotStarted = (slot: Slot, err: unknown): void => {
    log.error(
      { err, delay: slot.delay },
      'a worker process could not be started: it is tried again after the delay',
    )
    startLater(slot)
  }

  /** Returns a new process; undefined if the system can't start one now, for example because another Node is being installed. */
  const fork = (slot: Slot): Worker | undefined => {
    try {
      return cluster.fork({ [ROLE]: slot.role })
    } catch (error) {
      if (!hasListened) throw error
      onNotStarted(slot, error)
      return undefined
    }
  }

  const onGone = (worker: Worker): void => {
    workers.delete(worker)
    if (workers.size === 0) onEmpty()
  }

  const start = (slot: Slot): void => {
    if (isStopping) return
    const since = performance.now()
    const worker = fork(slot)
    if (!worker) return
    workers.add(worker)
    // Without a listener an error would end this process, and with it all workers.
    worker.on('error', (error: Error) => {
      // The process runs, or its `exit` event follows. A process that could not be started has no such event.
      if (worker.process.pid !== undefined) return
      if (!hasListened) throw error
      if (!isStopping) onNotStarted(slot, error)
      onGone(worker)
    })
    worker.on('message', (message: ToPrimary) => {
      if (message.type === 'listening') onListening(message.url, message.admin)
      else if (message.type === 'collected') collecting.get(message.id)?.(message.metrics)
      else if (message.type === 'scrape') void scrape(worker, message.id)
      // This message is `connected`. A `stop` that was sent earlier was lost, because the worker was still loading.
      else if (isStopping) post(worker, { type: 'stop' })
    })
    worker.once('exit', (code: number | null, signal: string | null) => {
      if (isStopping) {
        // Ctrl+C and systemd also send the signal to the workers. It kills a worker that still starts, and that has no session to drain.
        if (code !== 0 && signal !== 'SIGTERM' && signal !== 'SIGINT') process.exitCode = 1
      } else if (hasListened)
        replace(slot, performance.now() - since, { worker: worker.process.pid, code, signal })
      else {
        // A first worker that can't start logs why. A worker that is killed, for example by the kernel for lack of memory, logs nothing.
        if (signal !== null) log.error({ signal }, 'the first worker process was killed before it listened')
        // This process may have imported a config module, and a timer of that module would keep it running.
        process.exit(code ?? 1)
      }
      onGone(worker)
    })
  }

  untilSignal(
    () =>
      new Promise((resolve) => {
        isStopping = true
        onEmpty = resolve
        for (const { timer } of slots) clearTimeout(timer)
        for (const worker of workers) post(worker, { type: 'stop' })
        if (workers.size === 0) resolve()
      }),
  )
  process.on('SIGHUP', () => {
    for (const worker of workers) post(worker, { type: 'reload' })
  })
  const [first] = slots
  if (first) start(first)
}
