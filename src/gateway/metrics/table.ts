/** One metric. */
export interface Row<Kind extends 'counter' | 'gauge' | 'histogram', Label extends string> {
  readonly kind: Kind
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
  /** Upper bounds of a histogram's buckets. Empty for the other kinds. */
  readonly buckets: readonly number[]
  /** How the values of several processes become one. A gauge of data that all processes share must not be a sum. */
  readonly aggregator: 'sum' | 'max' | 'min' | 'first'
}

const counter = <const Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[] = [],
): Row<'counter', Label> => ({ kind: 'counter', name, help, labels, buckets: [], aggregator: 'sum' })

const gauge = <const Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[] = [],
  aggregator: Row<'gauge', Label>['aggregator'] = 'sum',
): Row<'gauge', Label> => ({ kind: 'gauge', name, help, labels, buckets: [], aggregator })

const histogram = <const Label extends string = never>(
  name: string,
  help: string,
  buckets: readonly number[],
  labels: readonly Label[] = [],
): Row<'histogram', Label> => ({ kind: 'histogram', name, help, labels, buckets, aggregator: 'sum' })

/** Bounds in seconds, for work of the gateway and its engine. */
const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** Bounds in seconds, for times that include the network. */
const NETWORK = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/**
 * Every metric of the gateway. Names are written out, so that a search finds them. A label takes values from the config or from a fixed
 * list, since each value costs memory here and in Prometheus. Only the `version` of `clients` comes from clients: `countVersions` bounds
 * the number of its values. docs/METRICS.md says for each metric how to react to it.
 */
export const metricsTable = {
  info: gauge(
    'chat_session_info',
    'Always 1. The label has the version of the gateway.',
    ['version'],
    'first',
  ),
  ready: gauge('chat_session_ready', '1 if /readyz answers 200, else 0.', [], 'min'),

  sessions: gauge(
    'chat_session_sessions',
    'Sessions that have not ended: active ones have a connection to this gateway, all others count as detached.',
    ['app', 'state'],
  ),
  clients: gauge('chat_session_clients', 'Sessions on this gateway by the version of their client.', [
    'version',
  ]),
  connections: gauge('chat_session_connections', 'Open connections by state and transport.', [
    'state',
    'transport',
  ]),
  sockets: gauge('chat_session_sockets', 'Open sockets that count for limits.connections.'),
  socketsLimit: gauge('chat_session_sockets_limit', 'The value of limits.connections.'),
  startsWaiting: gauge('chat_session_starts_waiting', 'Starts that wait for earlier ones.'),

  starts: counter(
    'chat_session_starts_total',
    'Starts by credentials, and by `started` or the code they were refused with.',
    ['app', 'way', 'result'],
  ),
  startSeconds: histogram('chat_session_start_seconds', 'Seconds from a start frame to `started`.', FAST, [
    'way',
  ]),
  resumes: counter(
    'chat_session_resumes_total',
    'Starts with a resume key, by whether the session went on and by the messages that the client had missed.',
    ['app', 'result', 'missed'],
  ),
  replayed: counter(
    'chat_session_replayed_messages_total',
    'Messages that were read from an inbox and sent.',
    ['app'],
  ),
  ends: counter(
    'chat_session_ends_total',
    'Closed connections by the code of `ended`, or by how the client closed.',
    ['app', 'code'],
  ),
  refusals: counter(
    'chat_session_refusals_total',
    '`refused` frames, and refused posted messages, by the type of the refused frame and by code.',
    ['app', 'frame', 'code'],
  ),

  messages: counter('chat_session_messages_total', 'Messages to send by sender and by outcome.', [
    'app',
    'from',
    'outcome',
  ]),
  signals: counter('chat_session_signals_total', 'Signals of clients that were passed on.', ['app']),
  watchedUsers: gauge('chat_session_watched_users', 'Users whose presence sessions on this gateway watch.'),
  commitSeconds: histogram('chat_session_commit_seconds', 'Seconds until a message was durable.', FAST),
  deliverySeconds: histogram(
    'chat_session_delivery_seconds',
    'Seconds from `sentAt` of a message until it was sent to a live session.',
    FAST,
  ),
  pingSeconds: histogram('chat_session_ping_seconds', 'Seconds from a ping to its pong.', NETWORK),
  waitingBytes: gauge(
    'chat_session_waiting_bytes',
    'Bytes that wait in memory for clients which read slowly.',
  ),
  slowReaders: gauge('chat_session_slow_readers', 'Clients for which bytes wait in memory.'),
  slowReadersClosed: counter(
    'chat_session_slow_readers_closed_total',
    'Clients that were disconnected because too many bytes waited for them.',
  ),

  tokenChecks: counter('chat_session_token_checks_total', 'Verified user tokens by result.', [
    'app',
    'result',
  ]),
  jwksAge: gauge(
    'chat_session_jwks_age_seconds',
    "Seconds since the keys at an app's jwks.url were fetched.",
    ['app'],
    'max',
  ),
  requestSeconds: histogram(
    'chat_session_outbound_request_seconds',
    "Seconds of requests to an app's backend, to a key server or to push services.",
    NETWORK,
    ['app', 'purpose'],
  ),
  requestErrors: counter(
    'chat_session_outbound_request_errors_total',
    "Requests to an app's backend, to a key server or to push services that failed, by error.",
    ['app', 'purpose', 'error'],
  ),
  requestsInFlight: gauge(
    'chat_session_outbound_requests_in_flight',
    'Requests that wait for their answers.',
    ['app', 'purpose'],
  ),
  webhooks: counter(
    'chat_session_webhook_deliveries_total',
    'Deliveries of webhook events by result, without tests.',
    ['app', 'result'],
  ),
  webhooksPending: gauge(
    'chat_session_webhooks_pending',
    'Webhooks that are to be delivered.',
    ['app'],
    'max',
  ),
  webhooksOldest: gauge(
    'chat_session_webhooks_oldest_seconds',
    'Age of the oldest webhook that is to be delivered.',
    ['app'],
    'max',
  ),
  webhooksDropped: counter(
    'chat_session_webhooks_dropped_total',
    'Webhooks that were dropped, because too many of the user or of the app were to be delivered.',
    ['app', 'type'],
  ),

  pushes: counter('chat_session_pushes_total', 'Requests to push services by what came of them.', [
    'app',
    'result',
  ]),
  pushesQueued: gauge(
    'chat_session_push_users_queued',
    'Users for whose devices this gateway looks for something to push, now or next.',
  ),
  pushesDropped: counter(
    'chat_session_push_users_dropped_total',
    'How often a user was left for later because too many were queued.',
  ),

  restCalls: counter(
    'chat_session_rest_calls_total',
    'Calls of the REST API by app token and by the status of the response.',
    ['app', 'call', 'status'],
  ),
  restSeconds: histogram(
    'chat_session_rest_seconds',
    'Seconds until the response to a call of the REST API.',
    FAST,
    ['call'],
  ),

  users: gauge('chat_session_users', 'Stored users, guests included.', ['app'], 'max'),
  guests: gauge('chat_session_guests', 'Stored guests.', ['app'], 'max'),
  inboxes: gauge('chat_session_inboxes', 'Inboxes that ever held a message.', ['app'], 'max'),
  inboxBytes: gauge(
    'chat_session_inbox_bytes',
    'About how many bytes the messages of an app take.',
    ['app'],
    'max',
  ),
  quota: gauge(
    'chat_session_quota',
    "An app's limits.inboxes, limits.bytes and limits.guests.",
    ['app', 'quota'],
    'max',
  ),

  limitsReached: counter(
    'chat_session_limits_reached_total',
    'How often something was refused or ended for a limit.',
    ['app', 'limit'],
  ),
  reloads: counter('chat_session_config_reloads_total', 'Reloads of the config by result.', ['result']),
  engineErrors: counter(
    'chat_session_engine_errors_total',
    'Errors that the engine reported or answered with, by code.',
    ['code'],
  ),
} as const
