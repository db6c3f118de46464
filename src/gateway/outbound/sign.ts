import { createHmac } from 'node:crypto'

interface SignedHeaders {
  'webhook-id': string
  'webhook-timestamp': string
  'webhook-signature': string
}

/**
 * Returns the headers with which Standard Webhooks signs a request. `sentAt` is a Unix time in milliseconds. A signature covers exactly
 * the bytes that are sent. There is a signature for each key, so that keys can be rotated: the receiver needs to know only one of them.
 */
export const signWebhook = (
  id: string,
  body: string,
  keys: readonly Uint8Array[],
  sentAt = Date.now(),
): SignedHeaders => {
  const timestamp = Math.floor(sentAt / 1000)
  const sign = (key: Uint8Array): string =>
    `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  return {
    'webhook-id': id,
    'webhook-timestamp': `${timestamp}`,
    'webhook-signature': keys.map(sign).join(' '),
  }
}
