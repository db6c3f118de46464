import type { ProtocolCode } from './close-codes.js'

/** One sentence a code, for the developer who meets it. The script-tag build leaves them out. */
export const sentences: Record<ProtocolCode, string> = {
  ended: 'The session was ended on purpose.',
  unauthenticated:
    'The credentials were not accepted: check the secret, the app id and the user id they were made for.',
  'token-expired': 'The token has lapsed: give a fresh one, or a tokenFetcher or token-url that can.',
  'bad-request': 'The gateway could not make sense of what it was sent.',
  refused: "The app's rules refuse this.",
  'origin-refused': "This page's origin is not in the app's list of origins: add it to the gateway's config.",
  'guests-refused': "This app takes no guests: give credentials, or allow guests in the gateway's config.",
  'unknown-app': 'The gateway knows no app with this id.',
  replaced: 'Another connection took this session over, or the user has too many sessions.',
  revoked: "The user's sessions were revoked by the app's backend: log in again.",
  'too-large': 'What was sent is larger than the gateway takes.',
  unavailable: 'The gateway cannot be reached or is not ready; it is tried again.',
  timeout: 'The other side was silent for too long.',
  'rate-limited': 'Too much was sent in too short a time; wait before the next try.',
  conflict: 'The same id was used before with other content.',
  'unknown-user': 'There is no user with this id in the app.',
}

/** One sentence for each of the client's own codes, which never come over the wire. */
export const clientSentences = {
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
  'unknown-outcome': 'The message was on its way and nobody answered in time: it may have arrived.',
  'outbox-full': 'Too much waits to be sent: 100 messages, or 1 MB. Wait until some of it has been.',
  'messages-lost': 'Some of the messages that were missed are no longer kept.',
  'notifications-denied': 'The user has not allowed notifications: only the user can change that.',
  'notifications-unsupported':
    'This browser can show no notifications here: it wants https, on Android a service worker, on iOS an installed app.',
}
