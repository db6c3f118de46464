import { webhookEventTypes, type WebhookEventType } from '../../engine/index.js'
import * as v from 'valibot'
import { listOf, object, oneOf, seconds, type FieldsOf } from './fields.js'
import { webhookSecrets } from './secrets.js'
import type {
  AuthenticateUrlConfig,
  AuthorizeSendUrlConfig,
  Env,
  Environment,
  WebhooksConfig,
} from './types.js'
import { outboundUrl } from './urls.js'

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
    url: outboundUrl,
    secrets: webhookSecrets(env, environment),
    forwardHeaders: v.optional(v.array(headerName, HEADERS), []),
  } satisfies FieldsOf<AuthenticateUrlConfig>)

export const authorizeSendUrl = (env: Env, environment: Environment) =>
  object({
    url: outboundUrl,
    secrets: webhookSecrets(env, environment),
    timeout: v.optional(seconds(0.1, 10), 2),
  } satisfies FieldsOf<AuthorizeSendUrlConfig>)

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
    url: outboundUrl,
    secrets: webhookSecrets(env, environment),
    events: v.pipe(
      v.optional(listOf(oneOf(webhookEventTypes), EVENTS), defaultEvents),
      v.description(`all but ${new Intl.ListFormat('en-GB').format(optInEvents)}`),
    ),
    unreadAfter: v.optional(seconds(0.01, 2_592_000), 300),
  } satisfies FieldsOf<WebhooksConfig>)
