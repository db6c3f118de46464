import { isUtf8 } from 'node:buffer'
import { START_PREFIX } from '../../protocol/index.js'
import type { Connection } from '../connection/connection.js'
import type { RequestHead } from '../http/request-head.js'
import type { SocketRefusal } from '../limits/connection-limits.js'

export const SESSION_PATH = '/v1/session'

/** Milliseconds that a client has to answer a close frame before its socket is destroyed. */
export const CLOSE_TIMEOUT = 3_000

/** The codes that stand for a close frame without a code, and for a close without a close frame (RFC 6455, 7.4.1). */
export const NO_CODE = 1005
export const LOST = 1006

/**
 * How many handshakes and requests are handled in one turn of the event loop. Each takes about 0.2 ms of CPU time. Without a limit a
 * thousand of them at once would delay every session.
 */
export const MAX_PER_TURN = 16

/** A client that was refused for a limit reconnects after a random time of at most this many milliseconds. */
const RETRY_AFTER = 5_000

const LIMIT_MESSAGES: Record<SocketRefusal, string> = {
  unavailable: 'The gateway has as many connections as it can take: reconnect after `retryAfter`.',
  'rate-limited': 'Too many connections from this address: reconnect after `retryAfter`.',
}

/** Returns the `start` frame in the subprotocols as UTF-8; null if there is none; undefined if it is malformed. */
const startInProtocols = (protocols: string[]): Buffer | null | undefined => {
  const values = protocols.filter((protocol) => protocol.startsWith(START_PREFIX))
  if (values.length === 0) return null
  const encoded = (values[0] ?? '').slice(START_PREFIX.length)
  const bytes = Buffer.from(encoded, 'base64url')
  // Node's decoder skips invalid characters, so the result is encoded again and compared.
  const isValid = values.length === 1 && bytes.toString('base64url') === encoded && isUtf8(bytes)
  return isValid ? bytes : undefined
}

/** Returns the subprotocols that a handshake offers. */
export const protocolsOf = ({ headers }: Pick<RequestHead, 'headers'>): string[] =>
  (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())

export const NO_HANDSHAKE = 'This is no WebSocket handshake of version 13.'

/** Matches a `Sec-WebSocket-Key`: 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/

/** Returns whether a request can be upgraded (RFC 6455, 4.2.1). If it can't, a session must not start. */
export const isHandshake = (method: string | undefined, { headers }: Pick<RequestHead, 'headers'>): boolean =>
  method === 'GET' &&
  headers['sec-websocket-version'] === '13' &&
  KEY.test(headers['sec-websocket-key'] ?? '')

/** If there is a `start` frame in the subprotocols, passes it to the connection. */
export const receiveStart = (connection: Connection, protocols: string[]): void => {
  const start = startInProtocols(protocols)
  if (start === undefined)
    connection.end('bad-request', 'The start in the subprotocol is not base64url of UTF-8.')
  else if (start !== null) connection.receive(start.toString(), start.length)
}

/** Ends a connection because a limit of connections is reached. */
export const endForLimit = (connection: Connection, refusal: SocketRefusal): void =>
  connection.end(refusal, LIMIT_MESSAGES[refusal], Math.ceil(RETRY_AFTER * (0.2 + 0.8 * Math.random())))
