import { createECDH } from 'node:crypto'
import { isIP } from 'node:net'
import * as v from 'valibot'
import { integer, listOf, object, oneOf, seconds, text } from './fields.js'
import { secretText } from './secrets.js'
import { outboundUrl } from './urls.js'
import type { Env } from './values.js'

/** The push services of Chrome, Firefox, Safari and Edge. */
const services = [
  'fcm.googleapis.com',
  'updates.push.services.mozilla.com',
  '*.push.apple.com',
  '*.notify.windows.com',
]

const SUBJECT = 'must be mailto: and an e-mail address, or an https URL'
const isSubject = (given: string): boolean =>
  /^mailto:[^\s@<>]+@[^\s@<>]+$/.test(given) || (given.startsWith('https://') && URL.canParse(given))

const KEY =
  'must be a private key of the curve P-256: 32 bytes as base64url; `openssl rand 32 | basenc --base64url` makes one'

/** Returns the private key that a text spells; undefined if the text is no key. */
const privateKeyOf = (given: string): Buffer | undefined => {
  const scalar = Buffer.from(given, 'base64url')
  // Node's decoder skips characters that are not base64url, so the result is encoded again and compared.
  if (scalar.length !== 32 || scalar.toString('base64url') !== given.replace(/=+$/, '')) return undefined
  try {
    createECDH('prime256v1').setPrivateKey(scalar)
    return scalar
  } catch {
    // The number is 0, or not below the order of the curve.
    return undefined
  }
}

const privateKey = (env: Env) =>
  v.pipe(
    secretText(env),
    v.rawTransform<string, Buffer>(({ dataset, addIssue, NEVER }) => {
      const key = privateKeyOf(dataset.value)
      if (key) return key
      addIssue({ message: KEY })
      return NEVER
    }),
  )

const HOST =
  'must be the name of a host, such as push.example.com or *.example.com, without a port; no address'
const LABELS = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$/

const host = v.pipe(
  v.string(HOST),
  v.toLowerCase(),
  v.check((name) => name.length <= 253 && LABELS.test(name) && isIP(name) === 0, HOST),
)

const fill = (url: string, from: string): string => url.replaceAll('{from}', from)

const IN_HOST = 'must not have {from} in its origin: a user id would choose whose page a notification opens'
/** Returns whether the notifications of all senders open pages of the same origin. */
const hasOneOrigin = (given: string): boolean =>
  URL.canParse(fill(given, 'a')) && new URL(fill(given, 'a')).origin === new URL(fill(given, 'b')).origin

const LONG = 'must have at most 1,024 bytes: a push has at most 3,000, and needs the others for the ids'
const MAX_URL = 1_024

export const push = (env: Env) =>
  object({
    /** Whom a push service may ask about your pushes: `mailto:ops@example.com`, or an https URL (RFC 8292). */
    subject: v.pipe(v.string(SUBJECT), v.check(isSubject, SUBJECT)),
    /**
     * The page that a notification opens: https, or http on this machine. `{from}` stands for the sender's user id, percent-encoded, and
     * can't be a part of the host. At most 1,024 bytes.
     */
    url: v.pipe(
      outboundUrl,
      v.check((given) => Buffer.byteLength(JSON.stringify(given).slice(1, -1)) <= MAX_URL, LONG),
      v.check(hasOneOrigin, IN_HOST),
    ),
    /** Seconds that a message stays unread, without a visible page, before it is pushed. 0.01 to 86,400 (a day). */
    after: v.optional(seconds(0.01, 86_400), 5),
    // This stays in seconds, because it becomes the header `TTL`.
    /** Seconds for which a push service keeps a push for a device that is off. 0 to 2,419,200 (28 days). */
    ttl: v.optional(integer(0, 2_419_200), 86_400),
    /** The title of a notification whose sender has no name. */
    title: v.optional(
      v.pipe(
        text('a text of 1 to 100 characters'),
        v.maxLength(100, 'must be a text of 1 to 100 characters'),
      ),
      'New message',
    ),
    /** `none` leaves the sender's name and the message out: a locked screen shows only `title`. */
    content: v.optional(oneOf(['full', 'none']), 'full'),
    /**
     * The private key (VAPID) of the app's pushes: 32 bytes, as base64url. Browsers subscribe with its public key. Without it the gateway
     * derives one from a secret that the engine keeps. If the key changes, clients subscribe again.
     */
    privateKey: v.optional(privateKey(env)),
    /** The push services that get pushes: names of hosts, or `*.example.com` for all hosts below one. */
    hosts: v.pipe(
      v.optional(listOf(host, 'must be a list of one or more hosts'), services),
      v.description('those of Chrome, Edge, Firefox and Safari'),
    ),
  })
