import type { SessionError, SessionState } from '../session/index.js'
import { isRevivable, errorMessageOf } from '../session/internal.js'

/** One sentence for each state. */
export const stateSentences: Record<SessionState, string> = {
  idle: 'No session yet. Choose how to log in, and start one.',
  starting: 'Connecting, and verifying the user.',
  active: 'Live: the gateway has verified the user.',
  reconnecting: 'The connection is lost. The session reconnects by itself.',
  ended: 'The session is over.',
  failed: 'The session could not start, and trying the same again would not help.',
}

const adviceFor = ({ code, retryable }: SessionError): string | null => {
  if (retryable) return 'Wait: the session tries again by itself. Its network must be online.'
  return isRevivable(code) ? 'Choose another way to log in, or correct the user, and start anew.' : null
}

/**
 * Explains an error by the code's sentence, the next step, and the gateway's own message if that says more. In the
 * script-tag build an error's message is a link, so the sentence is looked up here.
 */
export const helpFor = (error: SessionError) => {
  const { code, message } = error
  const sentence = errorMessageOf(code)
  const saysMore = message !== sentence && message !== code && !message.startsWith(`${code}: http`)
  return { sentence, message: saysMore ? message : null, advice: adviceFor(error) }
}
