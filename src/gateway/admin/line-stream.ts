import { stream } from 'hono/streaming'
import type { StreamLine } from '../../protocol/internal.js'
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
  context.header('content-type', 'application/x-ndjson')
  // The response to a HEAD request has no body, so the stream would never be cancelled.
  if (context.req.method === 'HEAD') return context.body(null)
  return stream(context, async (body) => {
    const life = new AbortController()
    body.onAbort(() => life.abort())
    let line: StreamLine<Entry> = { entries: [], skipped: 0 }
    subscribe((entry) => {
      if (line.entries.length < MAX_ENTRIES) line.entries.push(entry)
      else line.skipped += 1
    }, life.signal)
    const endsAt = performance.now() + MAX_STREAM
    let saidAt = -Infinity
    while (!life.signal.aborted && performance.now() < endsAt) {
      const now = performance.now()
      if (line.entries.length > 0 || now - saidAt >= SILENCE) {
        const text = `${JSON.stringify(line)}\n`
        line = { entries: [], skipped: 0 }
        saidAt = now
        // While the client does not read, this waits.
        await body.write(text)
      }
      await body.sleep(INTERVAL)
    }
    life.abort()
  })
}
