import type { SessionError, SessionState } from '../session/index.js'
import { sentenceOf } from '../session/internal.js'

/** One sentence for each state. */
export const stateSentences: Record<SessionState, string> = {
  idle: 'No session yet. Choose how to log in, and start one.',
  starting: 'Connecting, and proving who the user is.',
  active: 'Live: the gateway has verified the user.',
  reconnecting: 'The connection is lost, and made again by itself.',
  ended: 'The session is over.',
  failed: 'The session could not be started, and trying the same again would not help.',
}

/** What to do about a code, where there is something to do. */
const advices: Record<string, string> = {
  unauthenticated: 'Make the token on your server with this app’s secret, for this very user.',
  'token-expired': 'Choose a way with a tokenFetcher or token-url, which renew tokens in time.',
  'bad-request': 'Check the user id: a token is for one user, and must be the one the tag names.',
  refused: 'In the strict app only the backend changes profiles: put the profile into the token.',
  'origin-refused': 'Add this page’s origin to the app’s origins in the gateway’s config.',
  'guests-refused': 'Choose the playground app, or another way to log in.',
  'unknown-app': 'Compare the app id with the gateway’s config.',
  replaced: 'Nothing, if you opened the session elsewhere; start it again to have it back here.',
  revoked: 'Log in again: only tokens made from now on are good.',
  unavailable: 'Wait, or bring its line back up.',
  timeout: 'Wait: it is tried again.',
  'rate-limited': 'Wait, then try again less often.',
  'signed-out': 'Log in again: start with these settings signs in anew.',
  'no-credentials': 'Choose a way to log in, or answer the page’s session-token-needed.',
  'blocked-by-csp': 'Add the gateway to connect-src of the page’s policy.',
  'session-active': 'End the session before you start it again.',
  ended: 'Start it again whenever you like.',
}

export interface ErrorWords {
  code: string
  sentence: string
  /** What the gateway said beside the code's own sentence. */
  said: string | null
  advice: string | null
}

/** The script-tag build says a link in the place of sentences, so this page has them. */
export const wordsOf = ({ code, message }: SessionError): ErrorWords => {
  const sentence = sentenceOf(code)
  const isLink = message.startsWith(`${code}: http`) || message === code
  return {
    code,
    sentence,
    said: isLink || message === sentence ? null : message,
    advice: advices[code] ?? null,
  }
}
