import type { CheckedMessage, SendResult } from '../../engine/index.js'
import { isGuestId, type RefusalCode } from '../../protocol/index.js'
import { withTimeout } from '../../util/with-timeout.js'
import type { App } from '../apps/app.js'
import type { Log } from '../log.js'
import { checkMessage } from './rules.js'

/** Why a client's frame is refused: the code, the sentence, and after how many milliseconds to try again. */
export type RefusalParts = [code: RefusalCode, why?: string | undefined, retryAfter?: number | undefined]

/**
 * Whether the app's `authorizeSend` or `authorizeSendUrl` allows a message. `content` is the whole content that is stored in place of the message's, as JSON, because
 * parsed data may take 20 times as much memory; undefined if nothing is replaced.
 */
export type Answer = { allowed: true; content?: string } | { allowed: false; refusal: RefusalParts }

const NOT_ALLOWED: RefusalParts = ['refused', "The app's 'send' rule does not let this user send."]
const TOO_MUCH_UNREAD =
  "The recipient's inbox is full, and your unread messages take up a larger share than the app's 'unreadPerSender' allows."
const SHARE_EXCEEDED =
  "Your messages to others take up one user's share of the app's storage: older ones have to be deleted first."
const QUOTA_EXCEEDED = "The app's quota of storage or inboxes is used up."

/** Milliseconds after which a client tries again if the app's quota is used up. */
const QUOTA_RETRY_AFTER = 30_000

/** Returns why a user's message is refused whatever came before it: because of its fields, or of the app's `send` rule. */
export const problemOfSend = (
  { settings: { send } }: App,
  userId: string,
  message: Omit<CheckedMessage, 'appId' | 'from'>,
): RefusalParts | undefined => {
  const problem = checkMessage(message)
  if (problem) return [problem.code, problem.why]
  return send === 'anyone' || (send === 'users' && !isGuestId(userId)) ? undefined : NOT_ALLOWED
}

/** Milliseconds that the function may take. Without a limit a call that never ends would keep back all later messages of the session. */
const MAX_AUTHORIZE_TIME = 10_000

const tookTooLong = (): Error => new Error('authorizeSend took too long')

/** Asks the app's function `authorizeSend`, if it has one. It may take `timeout` milliseconds, and 10 seconds at most. */
export const authorizeSend = async (
  {
    settings: { appId, authorizeSend: authorize },
  }: { settings: Pick<App['settings'], 'appId' | 'authorizeSend'> },
  log: Log,
  message: { from: string; to: string },
  timeout = Infinity,
): Promise<Answer> => {
  try {
    // A reload may have removed the function while the message waited.
    const answer: unknown =
      !authorize ||
      (await withTimeout(
        (async () => authorize(message))(),
        Math.min(timeout, MAX_AUTHORIZE_TIME),
        tookTooLong,
      ))
    return answer === true ? { allowed: true } : { allowed: false, refusal: ['refused'] }
  } catch (error) {
    const { name, stack } = error instanceof Error ? error : { name: typeof error, stack: undefined }
    log.error(
      { appId, name, stack },
      "the app's authorizeSend function threw an error or took too long: the message was refused as unavailable",
    )
    return { allowed: false, refusal: ['unavailable'] }
  }
}

/** Returns why the engine did not store a client's message. */
export const refusalOfResult = (sent: Exclude<SendResult, { sentAt: number }>): RefusalParts => {
  if (sent.outcome === 'full') return ['unavailable', QUOTA_EXCEEDED, QUOTA_RETRY_AFTER]
  if (sent.outcome === 'refused') return ['refused', TOO_MUCH_UNREAD]
  if (sent.outcome === 'over-share') return ['refused', SHARE_EXCEEDED]
  return sent.outcome === 'limited' ? ['rate-limited', undefined, sent.retryAfter] : [sent.outcome]
}
