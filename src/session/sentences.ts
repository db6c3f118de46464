import { sentences } from '../protocol/index.js'
import type { ClientCode, SessionErrorCode } from './errors.js'

/** One sentence for each of the client's own codes. */
export const clientSentences: Record<ClientCode, string> = {
  'session-active': 'The session is running: end it before you start it again.',
  'signed-out': 'The source of tokens says that the user is signed out.',
  'no-credentials':
    'There is nothing to prove who the user is: give a token, tokenFetcher, token-url, signature or authParams, or ask for a guest.',
  'no-endpoint':
    "The gateway's address is missing: set `endpoint`, or load the script from the gateway itself.",
  'bad-endpoint':
    'The endpoint is no address of a gateway that this page may connect to: use https://HOST (http: only on http: pages).',
  'no-websocket':
    'There is no WebSocket here: give one as the option `WebSocket` (in Node 20, that of the package ws).',
  'blocked-by-csp':
    "This page's Content-Security-Policy forbids the connection: add the gateway to connect-src.",
  'protocol-error': 'What answers at the endpoint does not speak this protocol.',
}

const all: Partial<Record<string, string>> = { ...sentences, ...clientSentences }

/**
 * The sentence that explains `code` to a developer. The script-tag build puts a link in the place of this module:
 * sentences would be a tenth of it.
 */
export const sentenceOf = (code: SessionErrorCode): string => all[code] ?? code
