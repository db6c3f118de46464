import type { StreamLine } from '../../protocol/internal.js'
import { Timer } from '../../util/timer.js'
import type { AdminContext } from './calls.js'

/** Milliseconds between two lines. However many entries come, the console renders only four times a second. */
const INTERVAL = 250
/** The most entries of a line. Further entries are only counted. */
const MAX_ENTRIES = 200
/** Milliseconds after which a line without entries shows that the stream is alive. */
const SILENCE = 10_000
/** Milliseconds after which a stream ends. The console then opens another stream, for which its token is checked again. */
export const MAX_STREAM = 600_000

type Push<Entry> = (entry: Entry) => void

/**
 * Responds with lines of JSON until the client leaves, for `MAX_STREAM` at most. `subscribe` is called once, and calls `push` with each
 * entry until `signal` aborts. A client that reads slowly gets fewer entries, because a line has at most `MAX_ENTRIES`.
 */
export const streamLines = <Entry>(
  context: AdminContext,
  subscribe: (push: Push<Entry>, signal: AbortSignal) => void,
): Response => {
  const headers = { 'content-type': 'application/x-ndjson' }
  // The response to a HEAD request has no body, so the stream would never be cancelled.
  if (context.req.method === 'HEAD') return context.body(null, 200, headers)
  const life = new AbortController()
  const encoder = new TextEncoder()
  let line: StreamLine<Entry> = { entries: [], skipped: 0 }
  let silentFor = SILENCE

  const flush = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    silentFor += INTERVAL
    const isEmpty = line.entries.length === 0 && line.skipped === 0
    if ((isEmpty && silentFor < SILENCE) || (controller.desiredSize ?? 0) <= 0) return
    controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`))
    line = { entries: [], skipped: 0 }
    silentFor = 0
  }

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const timer = setInterval(() => flush(controller), INTERVAL)
      const deadline = new Timer(MAX_STREAM, () => {
        life.abort()
        controller.close()
      })
      life.signal.addEventListener('abort', () => {
        clearInterval(timer)
        deadline.cancel()
      })
      subscribe((entry) => {
        if (line.entries.length < MAX_ENTRIES) line.entries.push(entry)
        else line.skipped += 1
      }, life.signal)
      flush(controller)
    },
    cancel: () => life.abort(),
  })
  return context.body(body, 200, headers)
}
