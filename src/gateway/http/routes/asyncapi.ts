import * as protocol from '../../../protocol/index.js'
import type { JsonObject } from '../../../protocol/index.js'
import { object, wrongField } from '../../../protocol/internal.js'
import { describeCheck } from './schema-of-check.js'

/** Returns the messages of one sender. Their names begin with the sender, because both senders have a message `history`. */
const messagesOf = (sender: string, table: Record<string, Parameters<typeof wrongField>[0]>): JsonObject =>
  Object.fromEntries(
    Object.entries(table).map(([type, fields]) => {
      const [, schema] = describeCheck((value) => object(value) && wrongField(fields, value) === undefined)
      const { required, properties } = schema as { required: string[]; properties: JsonObject }
      const typed = { required: ['type', ...required], properties: { type: { const: type }, ...properties } }
      return [`${sender}.${type}`, { name: type, payload: { type: 'object', ...typed } }]
    }),
  )

const codes = Object.entries(protocol.closeCodes).map(([code, close]) => {
  const message = protocol.errorMessages[code as protocol.EndCode]
  return [code, { close, action: protocol.closeAction(close), message }] as const
})

/** Returns the AsyncAPI 3.0 document of the frames, from the gateway's side: the gateway receives what clients send. */
export const asyncApiDocument = (): JsonObject => {
  const received = messagesOf('client', protocol.clientFrames)
  const sent = messagesOf('gateway', protocol.gatewayFrames)
  const operation = (action: 'receive' | 'send', messages: JsonObject): JsonObject => ({
    action,
    channel: { $ref: '#/channels/session' },
    messages: Object.keys(messages).map((name) => ({ $ref: `#/channels/session/messages/${name}` })),
  })
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'chat-session',
      version: protocol.VERSION,
      description:
        'The frames between a client and a chat-session gateway. docs/PROTOCOL.md of the package says what each frame means, and has the rules that no schema can tell: order, retries, resumption, and the event stream and posts that carry the same frames where WebSocket does not get through.',
    },
    defaultContentType: 'application/json',
    servers: { gateway: { host: 'chat.example.com', protocol: 'wss' } },
    channels: {
      session: {
        address: '/v1/session',
        description: `One WebSocket of the subprotocol \`${protocol.SUBPROTOCOL}\`. A frame is a text frame with one JSON object, at most ${protocol.limits.frame} bytes. Unknown fields are ignored. \`x-close-codes\` has every code of \`ended\`, the close code that follows, and what a client does then.`,
        messages: { ...received, ...sent },
        'x-close-codes': Object.fromEntries(codes),
      },
    },
    operations: { receive: operation('receive', received), send: operation('send', sent) },
  }
}
