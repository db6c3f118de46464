import { revivableCodes } from './close-codes.js'

/** The message of each of the client's own codes, which never go over the wire. */
export const clientErrorMessages = {
  'session-active': 'The session is running: end it before you start it again.',
  'signed-out': 'The token source says that the user is signed out.',
  'no-credentials':
    'There are no credentials: give a token, tokenFetcher, token-url, signature or authParams, or ask for a guest.',
  'no-endpoint':
    "The gateway's address is missing: set `endpoint`, or load the script from the gateway itself.",
  'bad-endpoint':
    'The endpoint is not the address of a gateway that this page may connect to: use https://HOST (http: only on http: pages). If the script tag has data-endpoint, list the gateway there.',
  'no-websocket':
    'This runtime has no WebSocket, and `transports` allows no stream: allow one, or give a WebSocket as the option `WebSocket` (in Node 20, the one of the package ws).',
  'blocked-by-csp':
    "This page's Content-Security-Policy forbids the connection: add the gateway to connect-src.",
  'protocol-error':
    'The server at the endpoint does not speak this protocol, or is an older gateway that does not know the call: update it.',
  'unknown-outcome':
    'The message was sent and no answer came in time: it may have arrived. Look for it in the history.',
  'outbox-full': '256 kB of messages wait to be sent already: send again when some of them are acknowledged.',
  'messages-lost': 'Some of the messages that were missed are no longer kept.',
  'script-unavailable':
    'A script that the page needs for an attribute, a tag or a call could not be loaded, and the session goes on without it: reload the page after the gateway was updated, and allow the gateway in script-src of the Content-Security-Policy, and `chat-session` in its trusted-types.',
  'notifications-denied': 'The user has not allowed notifications, and only the user can change that.',
  'notifications-unsupported':
    'This browser cannot show notifications here: they need https, on Android a service worker, on iOS an installed app.',
  'push-unavailable':
    'This device cannot be reached while no page is open: the app has no `push` in the config of the gateway, the page no service worker, or the browser got no subscription, of which `cause` tells.',
}

/** The codes of the client itself. The gateway's codes are `ProtocolCode`. */
export type ClientCode = keyof typeof clientErrorMessages

const revivable: readonly string[] = [
  ...revivableCodes,
  ...(['signed-out', 'no-credentials'] satisfies ClientCode[]),
]

/** Returns whether a session that failed or ended with `code` starts again when new credentials are set. */
export const isRevivable = (code: string): boolean => revivable.includes(code)
