import { createECDH } from 'node:crypto'
import { isIP } from 'node:net'
import * as v from 'valibot'
import { integer, listOf, object, oneOf, seconds, text, type FieldsOf } from './fields.js'
import { secretText } from './secrets.js'
import { pushContents, type Env, type PushConfig } from './types.js'
import { outboundUrl } from './urls.js'

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
    subject: v.pipe(v.string(SUBJECT), v.check(isSubject, SUBJECT)),
    url: v.pipe(
      outboundUrl,
      v.check((given) => Buffer.byteLength(JSON.stringify(given).slice(1, -1)) <= MAX_URL, LONG),
      v.check(hasOneOrigin, IN_HOST),
    ),
    after: v.optional(seconds(0.01, 86_400), 5),
    // This stays in seconds, because it becomes the header `TTL`.
    ttl: v.optional(integer(0, 2_419_200), 86_400),
    title: v.optional(
      v.pipe(
        text('a text of 1 to 100 characters'),
        v.maxLength(100, 'must be a text of 1 to 100 characters'),
      ),
      'New message',
    ),
    content: v.optional(oneOf(pushContents), 'full'),
    privateKey: v.optional(privateKey(env)),
    hosts: v.pipe(
      v.optional(listOf(host, 'must be a list of one or more hosts'), services),
      v.description('those of Chrome, Edge, Firefox and Safari'),
    ),
  } satisfies FieldsOf<PushConfig>)
