import type { PushDevice, PushOutcome, UserRef } from '../../engine/index.js'
import type { AppPush } from '../apps/vapid.js'
import { OutboundRequestError, type RequestMeter } from '../outbound/outbound-request.js'
import { hasExpired, retryDelay } from '../outbound/retry.js'
import { encryptPush, MAX_PLAINTEXT } from './encrypt.js'
import type { PushAnswer, PushRequests } from './push-request.js'
import { endpointUrl, listedName } from './subscription.js'

/** A push to one device. */
export interface Push {
  user: UserRef
  /** The sender of the message. */
  from: string | null
  /** When the message was sent (Unix, milliseconds). The push is due `push.after` later, and is retried for a day after that. */
  sentAt: number
  /** The payload. */
  text: string
  /** The `traceparent` with which the message was sent. It is not sent to the push service. */
  traceparent?: string | undefined
}

/** The result of a push. If it is `failed`, the push is tried again in `retryIn` milliseconds. */
export interface PushResult {
  result: NonNullable<PushOutcome['result']>
  retryIn?: number
  /** Why the push was not delivered. */
  failure?: NonNullable<PushOutcome['report']>
}

/** The shortest and the longest wait, in milliseconds, that a `Retry-After` can cause. */
const [MIN_RETRY, MAX_RETRY] = [1_000, 86_400_000]

/** Returns the milliseconds of a `Retry-After` header, which has seconds or a date; undefined for anything else. */
export const retryAfterOf = (header: string | undefined, now = Date.now()): number | undefined => {
  const delay = /^\d+$/.test(header ?? '') ? Number(header) * 1_000 : Date.parse(header ?? '') - now
  return Number.isNaN(delay) ? undefined : Math.min(MAX_RETRY, Math.max(MIN_RETRY, delay))
}

const isRetried = (status: number): boolean => status === 429 || status >= 500

/** The statuses with which a push service says that the subscription has ended (RFC 8030, 7.3). */
const goneStatuses: readonly number[] = [404, 410]

/**
 * Sends a push to a device, and decides whether a push that failed is tried again. Rejects with an `OutboundRequestError` of code `aborted`
 * if the gateway closes meanwhile.
 */
export const sendPush = async (
  { requests, meter }: { requests: PushRequests; meter: RequestMeter },
  { settings, publicKey, authorization, topic }: AppPush,
  device: PushDevice,
  { user, from, sentAt, text }: Push,
): Promise<PushResult> => {
  const { host } = new URL(device.endpoint)
  const dueAt = sentAt + settings.after
  const giveUp = (
    status: number | null,
    error: string,
    result: 'given-up' | 'gone' = 'given-up',
  ): PushResult => ({ result, failure: { host, status, error } })
  const retryOrGiveUp = (status: number | null, error: string, retryAfter?: number): PushResult => {
    const backoff = retryDelay(device.failures + 1, dueAt)
    // `Retry-After` can only lengthen the wait. Otherwise a service that always says 0 would be asked every second.
    const delay = backoff === null ? null : Math.max(backoff, retryAfter ?? 0)
    return delay === null || hasExpired(dueAt, Date.now() + delay)
      ? giveUp(status, error)
      : { result: 'failed', retryIn: delay, failure: { host, status, error } }
  }
  // The app had another key when the device subscribed, so its push service would refuse each push. If a page of the user is opened, its
  // client subscribes again, with the present key.
  if (device.pushKey !== undefined && device.pushKey !== publicKey) return giveUp(null, 'former-key', 'gone')
  // The config may have had another list of hosts when the device subscribed.
  const url = endpointUrl(device.endpoint, settings.hosts)
  if (!url) return giveUp(null, 'host-not-allowed')
  if (Buffer.byteLength(text) > MAX_PLAINTEXT) return giveUp(null, 'too-large')
  const headers = {
    authorization: await authorization(url.origin),
    'content-type': 'application/octet-stream',
    'content-encoding': 'aes128gcm',
    ttl: settings.ttl,
    // With this urgency a device that saves its battery still shows the message at once (RFC 8030, 5.3).
    urgency: 'high',
    topic: topic(user.userId, from),
  }
  const body = encryptPush(text, device.keys)
  const post = (): Promise<PushAnswer> =>
    requests.post(url, headers, body, listedName(settings.hosts, url.hostname))
  try {
    const { status, retryAfter } = await meter(post)
    if (status >= 200 && status < 300) return { result: 'delivered' }
    const error = `status ${status}`
    if (goneStatuses.includes(status)) return giveUp(status, error, 'gone')
    return isRetried(status) ? retryOrGiveUp(status, error, retryAfterOf(retryAfter)) : giveUp(status, error)
  } catch (error) {
    if (!(error instanceof OutboundRequestError) || error.code === 'aborted') throw error
    return error.code === 'private-address' ? giveUp(null, error.code) : retryOrGiveUp(null, error.message)
  }
}
