import {
  gatewayFrames,
  clientFrames,
  closeAction,
  closeCodes,
  errorMessages,
  isRetryable,
  limits,
  START_PREFIX,
  SUBPROTOCOL,
  VERSION,
  type GatewayFrame,
  type ClientFrame,
  type EndCode,
} from '../../../protocol/index.js'
import { object, wrongField } from '../../../protocol/internal.js'
import { describeCheck } from './schema-of-check.js'

type Json = Record<string, unknown>
type FieldChecks = Parameters<typeof wrongField>[0]

const clientSummaries: Record<ClientFrame['type'], string> = {
  start:
    'Starts or resumes a session, with exactly one of `token`, `signature`, `authParams` and `guest`. It is sent once, first. The answer is `started` or `ended`.',
  token: 'A fresh token for the same app and user. The answer is `renewed` or `refused`.',
  send: 'A message to the user `to`, with a `body`, `data` or both. The answer is `sent` or `refused`.',
  history:
    'Asks for stored messages after an offset, before an offset, or the newest; only those from and to a peer if there is `with`. The answer is `history` or `refused`.',
  read: 'Marks all messages up to `offset` as read, or those from the peer `with`. The answer is `unread` or `refused`.',
  peers:
    'Asks for the peers of the inbox, the one with the newest message first. The answer is `peers` or `refused`.',
  profile: "Fields of the user's profile that change. The answer is `user` or `refused`.",
  signal:
    "Something brief for the open pages of the user `to`, such as 'typing'. It is not stored, and answered only by `refused`.",
  watch:
    'Whose presence this connection wants to know from now on, in place of those of the `watch` before. The answer is `presence` or `refused`.',
  push: 'The subscription of this device to a push service, so that it is reached while no page is open; with `subscription: null` the device of this `endpoint` is reached no longer. It is answered only by `refused`.',
  visibility: 'Whether the page is hidden now.',
  pong: 'The answer to `started` and to each `ping`.',
  end: 'Ends the session. The answer is `ended`.',
}

const gatewaySummaries: Record<GatewayFrame['type'], string> = {
  started: 'The user is verified, and the session runs. Durations are in milliseconds.',
  renewed:
    'The fresh token was accepted. With `reauth` it is no answer: the backend has revoked the credentials, so send a fresh token within `expiresIn`.',
  message:
    "A message in the user's inbox. `sentAt` is Unix time in milliseconds; `from` is null for the app's backend.",
  sent: 'The message is durable.',
  history:
    'Stored messages in the order of their offsets. If a request with `with` is answered with `next`, there are more: ask again with `next` as `after`, or as `before` if the request had no `after`.',
  unread: 'The read mark moved, or that of the peer `with`: how many messages are unread now.',
  peers:
    'Peers with their newest messages, and how many of their messages are unread. `next` is the `before` of the next page.',
  user: "The user's profile changed.",
  signal:
    "A signal of another user, or of the app's backend if `from` is null. It ends after `ttl` milliseconds, or with a message of that user.",
  presence:
    'The answer to `watch` with all its users, or users who came online or went offline since. `lastSeenAt` is Unix time in milliseconds, or null.',
  refused: 'The gateway refused the frame of type `re`. The session goes on.',
  ping: 'Heartbeat. Answer with `pong`.',
  ended: 'The gateway is about to close the connection, for this reason.',
}

const messageOf = (type: string, fields: FieldChecks, summary: string): Json => {
  const { schema } = describeCheck((value) => object(value) && wrongField(fields, value) === undefined)
  const { required = [], properties = {} } = schema as { required?: string[]; properties?: Json }
  return {
    name: type,
    title: type,
    summary,
    payload: {
      type: 'object',
      required: ['type', ...required],
      properties: { type: { const: type }, ...properties },
    },
  }
}

/** Returns the messages of one sender. Their names begin with the sender, because both senders have a message `history`. */
const messagesOf = <T extends Record<string, FieldChecks>>(
  sender: string,
  table: T,
  summaries: Record<keyof T & string, string>,
): Json =>
  Object.fromEntries(
    Object.entries(table).map(([type, fields]) => [
      `${sender}.${type}`,
      messageOf(type, fields, summaries[type as keyof T & string]),
    ]),
  )

const refsTo = (place: string, names: readonly string[]): Json[] =>
  names.map((name) => ({ $ref: `#/${place}/${name}` }))

const codes = (): Json =>
  Object.fromEntries(
    (Object.keys(closeCodes) as EndCode[]).map((code) => {
      const close = closeCodes[code]
      const action = closeAction(close)
      return [code, { close, action, retryable: isRetryable(code), message: errorMessages[code] }]
    }),
  )

/** Returns the AsyncAPI 3.0 document of the frames, from the gateway's side: the gateway receives what clients send. */
export const asyncApiDocument = (): Json => {
  const received = messagesOf('client', clientFrames, clientSummaries)
  const sent = messagesOf('gateway', gatewayFrames, gatewaySummaries)
  const messages = { ...received, ...sent }
  const operation = (action: 'receive' | 'send', summary: string, names: string[]): Json => ({
    action,
    title: action,
    summary,
    channel: { $ref: '#/channels/session' },
    messages: refsTo('channels/session/messages', names),
  })
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'chat-session',
      version: VERSION,
      description:
        'The frames between a client and a chat-session gateway. docs/PROTOCOL.md of the package has the rules that no schema can tell: order, retries, resumption, and the event stream and posts that carry the same frames where WebSocket does not get through.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    defaultContentType: 'application/json',
    servers: {
      gateway: {
        host: '{host}',
        protocol: 'wss',
        description: 'The gateway that serves this document.',
        variables: { host: { description: 'Its host, and its port where it has one.' } },
      },
    },
    channels: {
      session: {
        address: '/v1/session',
        title: 'Session',
        description: `One WebSocket of the subprotocol \`${SUBPROTOCOL}\`. A frame is a text frame with one JSON object, at most ${limits.frame} bytes. Unknown fields are ignored. \`x-close-codes\` has every code of \`ended\`, the close code that follows, and what a client does then.`,
        servers: [{ $ref: '#/servers/gateway' }],
        messages: Object.fromEntries(
          Object.keys(messages).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: {
          ws: {
            method: 'GET',
            headers: {
              type: 'object',
              required: ['Sec-WebSocket-Protocol'],
              properties: {
                'Sec-WebSocket-Protocol': {
                  type: 'string',
                  description: `\`${SUBPROTOCOL}\`, and optionally \`${START_PREFIX}\` with the base64url of the start frame.`,
                },
              },
            },
            bindingVersion: '0.1.0',
          },
        },
        'x-close-codes': codes(),
      },
    },
    operations: {
      receive: operation('receive', 'The frames that clients send.', Object.keys(received)),
      send: operation('send', 'The frames that the gateway sends.', Object.keys(sent)),
    },
    components: { messages },
  }
}

let json: string | undefined

/** Returns the document as JSON. It is made at the first request. */
export const asyncApiJson = (): string => (json ??= JSON.stringify(asyncApiDocument()))
