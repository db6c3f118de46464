import * as v from 'valibot'
import { listOf, object, oneOf, seconds, type Env, type FieldsOf } from './fields.js'
import { webhookSecrets } from './secrets.js'
import {
  webhookEventTypes,
  type AuthenticateUrlConfig,
  type Environment,
  type WebhookEventType,
  type WebhooksConfig,
} from './types.js'
import { callOutUrl } from './urls.js'

/** Names of headers that belong to the connection, to the body or to the signature of the request that is sent. */
const OWN_HEADER =
  /^(host|connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|expect|content-.*|webhook-.*|sec-websocket-.*)$/

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
    url: callOutUrl,
    secrets: webhookSecrets(env, environment),
    forwardHeaders: v.optional(v.array(headerName, HEADERS), []),
  } satisfies FieldsOf<AuthenticateUrlConfig>)

/** One event for every message is a lot of requests: a backend that wants them asks for them. */
const onRequest: readonly WebhookEventType[] = ['message.created', 'message.read']
const defaultEvents = webhookEventTypes.filter((type) => !onRequest.includes(type))

const EVENTS = `must be a list of one or more of ${webhookEventTypes.join(', ')}`

export const webhooks = (env: Env, environment: Environment) =>
  object({
    url: callOutUrl,
    secrets: webhookSecrets(env, environment),
    events: v.pipe(
      v.optional(listOf(oneOf(webhookEventTypes), EVENTS), defaultEvents),
      v.description(`all but ${onRequest.join(' and ')}`),
    ),
    unreadAfter: v.optional(seconds(0.01, 2_592_000), 300),
  } satisfies FieldsOf<WebhooksConfig>)
