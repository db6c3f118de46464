import type { ProtocolCode } from './close-codes.js'

/** One sentence for each code that a gateway sends, for the developer who meets the code. */
export const errorMessages: Readonly<Record<ProtocolCode, string>> = {
  ended: 'The session was ended on purpose.',
  unauthenticated:
    'The credentials were not accepted: check the secret, the app id and the user id they were made for.',
  'token-expired':
    'The token has expired: give a fresh one, or a tokenFetcher or token-url that can fetch one.',
  'bad-request': 'The gateway could not understand what it received.',
  refused: "The app's rules refuse this.",
  'origin-refused':
    "This page's origin is not in the app's list of origins: add it to `origins` in the gateway's config. The gateway's log names it.",
  'guests-refused': "This app takes no guests: give credentials, or allow guests in the gateway's config.",
  'unknown-app': 'The gateway knows no app with this id.',
  replaced: 'Another connection took this session over.',
  revoked: "The app's backend revoked the user's sessions: log in again.",
  'too-many-sessions':
    'The user has too many sessions, and this one made room for a newer one. It starts again when its page becomes visible.',
  'too-large': 'The data that was sent is larger than the gateway takes.',
  unavailable: 'The gateway cannot be reached or is not ready. The client tries again.',
  timeout: 'The other side was silent for too long.',
  'rate-limited': 'Too much was sent in too short a time: wait before the next try.',
  conflict: 'The same id was used before with other content, or the inbox has begun another epoch.',
  'unknown-user':
    'The app has no user with this id yet. A user exists from the first session on, or from a `putUser` or a message of the backend on. With `unknownRecipients` in the config of the app, a message from a page creates its recipient.',
}
