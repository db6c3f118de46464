import { createHmac } from 'node:crypto'

interface SignedHeaders {
  'webhook-id': string
  'webhook-timestamp': string
  'webhook-signature': string
}

/**
 * Returns the headers with which Standard Webhooks signs a request. `sentAt` is a Unix time in milliseconds. The body is signed as it
 * is sent, byte for byte. Each key makes a signature, so that the receiver may know any of them while they are rotated.
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
