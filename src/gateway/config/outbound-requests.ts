import { webhookEventTypes, type WebhookEventType } from '../../engine/index.js'
import * as v from 'valibot'
import { listOf, object, oneOf, seconds, type Environment } from './fields.js'
import { webhookSecrets } from './secrets.js'
import { outboundUrl } from './urls.js'
import type { Env } from './values.js'

/** Matches names of headers that can't be forwarded: the gateway sets them itself, or they are about the client's own connection. */
const OWN_HEADER =
  /^(host|connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|expect|accept-encoding|content-.*|webhook-.*|sec-websocket-.*)$/

const HEADERS = 'must be a list of names of request headers'

const headerName = v.pipe(
  v.string('must be the name of a request header'),
  v.regex(/^[\w!#$%&'*+.^`|~-]{1,64}$/, 'must be the name of a request header'),
  v.toLowerCase(),
  v.check(
    (name) => !OWN_HEADER.test(name),
    'cannot be forwarded: it belongs to the connection, the body or the signature of the request',
  ),
)

export const authenticateUrl = (env: Env, environment: Environment) =>
  object({
    /** Where the request goes. https, or http on this machine. */
    url: outboundUrl,
    /**
     * Secrets that sign the request: `whsec_` and base64, at least 24 bytes in production. At least one. The request has a signature for
     * each, so you can rotate them.
     */
    secrets: webhookSecrets(env, environment),
    /**
     * Names of headers of the client's request, such as `cookie`, that the gateway passes on. Headers about the connection, the body or the
     * signature are not allowed. If the list is not empty, `origins` is required, in a test app too, and the answer must repeat `userId`.
     */
    forwardHeaders: v.optional(v.array(headerName, HEADERS), []),
  })

export const authorizeSendUrl = (env: Env, environment: Environment) =>
  object({
    /** Where the request goes. https, or http on this machine. */
    url: outboundUrl,
    /** Secrets that sign the request, written as those of `authenticateUrl`. */
    secrets: webhookSecrets(env, environment),
    /** Seconds that an answer may take. 0.1 to 10. */
    timeout: v.optional(seconds(0.1, 10), 2),
  })

/** Types of events that are sent only if the config lists them, because there may be many such events. */
const optInEvents: readonly WebhookEventType[] = [
  'message.created',
  'message.read',
  'guest.adopted',
  'push.failed',
]
const defaultEvents = webhookEventTypes.filter((type) => !optInEvents.includes(type))

const EVENTS = `must be a list of one or more of ${webhookEventTypes.join(', ')}`

export const webhooks = (env: Env, environment: Environment) =>
  object({
    /** Where the events go. https, or http on this machine. */
    url: outboundUrl,
    /** Secrets that sign the events, written as those of `authenticateUrl`. */
    secrets: webhookSecrets(env, environment),
    /** Which events are sent. */
    events: v.pipe(
      v.optional(listOf(oneOf(webhookEventTypes), EVENTS), defaultEvents),
      v.description(
        `all but ${new Intl.ListFormat('en-GB').format(optInEvents.map((type) => `\`${type}\``))}`,
      ),
    ),
    /** Seconds that a message stays unread before `message.unread` is sent. 0.01 to 2,592,000 (30 days). */
    unreadAfter: v.optional(seconds(0.01, 2_592_000), 300),
  })
