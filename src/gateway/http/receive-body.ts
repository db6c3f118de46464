import type { ReadableRequest } from './request-head.js'

/** Milliseconds that a body may take, if no other time is given. */
export const BODY_TIMEOUT = 10_000

/** The whole body of a request, or why it was not received. `incomplete`: the client has left, or `signal` was aborted. */
type ReceivedBody = { ok: true; bytes: Buffer } | { ok: false; why: 'too-large' | 'too-slow' | 'incomplete' }

interface BodyOptions {
  /** Milliseconds that the body may take. @default BODY_TIMEOUT */
  timeout?: number
  /** Ends the wait for the body. */
  signal?: AbortSignal
}

/**
 * Resolves with the body of a request, which may have up to `maxBytes`. If the body was not received, the client may still be sending it.
 * Then the answer needs the header `connection: close`.
 */
export const receiveBody = (
  incoming: ReadableRequest,
  maxBytes: number,
  { timeout = BODY_TIMEOUT, signal }: BodyOptions = {},
): Promise<ReceivedBody> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const finish = (body: ReceivedBody): void => {
      clearTimeout(timer)
      incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
      signal?.removeEventListener('abort', onClose)
      if (!body.ok) incoming.pause()
      resolve(body)
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > maxBytes) finish({ ok: false, why: 'too-large' })
      else chunks.push(chunk)
    }
    const onEnd = (): void => finish({ ok: true, bytes: Buffer.concat(chunks) })
    const onClose = (): void => finish({ ok: false, why: 'incomplete' })
    const timer = setTimeout(() => finish({ ok: false, why: 'too-slow' }), timeout)
    if (Number(incoming.headers['content-length'] ?? 0) > maxBytes)
      return finish({ ok: false, why: 'too-large' })
    incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
    signal?.addEventListener('abort', onClose)
    // If the client has left while the request waited for its turn, no event comes any more.
    if (incoming.destroyed) onClose()
  })
