import type { SessionError, SessionState } from '../../session/index.js'
import { isRevivable, errorMessageOf } from '../../session/internal.js'

/** Describes each state. */
export const stateDescriptions: Record<SessionState, string> = {
  idle: 'No session yet. Choose how to log in, and start one.',
  starting: 'Connecting, and verifying the user.',
  active: 'Live: the gateway has verified the user.',
  reconnecting: 'The connection is lost. The session reconnects by itself.',
  ended: 'The session is over.',
  failed: 'The session could not start, and trying the same again would not help.',
}

const adviceFor = ({ code, retryable }: SessionError): string | null => {
  if (retryable) return 'Wait: the session tries again by itself. Its network must be online.'
  return isRevivable(code) ? 'Choose another way to log in, or correct the user, and start again.' : null
}

/** The message that the script gives an error in place of a sentence: its code, with a link or a few words. */
const shortMessage = /^[\w-]+(: (http.*|the gateway is down))?$/

/** Returns the explanation of the error's code, the next step, and the error's own message if that says more than the script's. */
export const helpFor = (error: SessionError) => {
  const { code, message } = error
  const explanation = errorMessageOf(code)
  const saysMore = message !== explanation && !shortMessage.test(message)
  return { explanation, message: saysMore ? message : null, advice: adviceFor(error) }
}
