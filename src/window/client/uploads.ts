import { complain } from '../complain.js'
import { dataOf } from '../content/attachments.js'
import { safeUrl } from '../content/urls.js'
import type { MessageData, UploadFile } from '../types.js'

/** A file on its way, or one that failed. */
export interface Upload {
  readonly to: string
  readonly name: string
  /** A number from 0 to 1; undefined as long as the page has not told it. */
  readonly done: number | undefined
  readonly hasFailed: boolean
  cancel(): void
}

const nonEmpty = (value: unknown, otherwise: string): string =>
  typeof value === 'string' && value ? value : otherwise

/**
 * Gives a file to the page's `upload`, and sends what it answers. `set` replaces an upload by its next state, or by nothing when it is over.
 * `life` aborts at the log-out.
 */
export const start = async (
  to: string,
  file: File,
  upload: UploadFile,
  set: (before: Upload | undefined, after: Upload | undefined) => void,
  send: (data: MessageData) => void,
  life: AbortSignal,
): Promise<void> => {
  const own = new AbortController()
  const { signal } = own
  life.addEventListener('abort', () => own.abort(), { signal })
  let current: Upload | undefined
  const change = (changed: Partial<Upload>): void => {
    if (signal.aborted) return
    const next = { to, name: file.name, done: undefined, hasFailed: false, cancel, ...current, ...changed }
    set(current, next)
    current = next
  }
  const cancel = (): void => {
    set(current, undefined)
    own.abort()
  }
  change({})
  try {
    const progress = (done: number): void => {
      if (done >= 0) change({ done: Math.min(1, done) })
    }
    const answer = await upload(file, { signal, progress })
    // An answer that comes after the user has cancelled is not sent.
    if (signal.aborted) return
    const url = safeUrl(answer.url)
    if (!url) throw new TypeError('`upload` answered without an https URL')
    const size = typeof answer.size === 'number' ? answer.size : file.size
    send(dataOf(url, nonEmpty(answer.name, file.name), size, nonEmpty(answer.type, file.type)))
    cancel()
  } catch (error) {
    if (signal.aborted) return
    complain('a file was not uploaded', error)
    change({ hasFailed: true })
  }
}
