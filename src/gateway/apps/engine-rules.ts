import type { AppOptions, SendRules } from '../../engine/index.js'
import type { AppSettings, Settings } from '../config/parse.js'

/** Returns the part of an app's settings that the engine uses. */
export const engineOptionsOf = ({ retention, webhooks }: AppSettings): AppOptions => ({
  retention,
  webhooks: webhooks && { events: webhooks.events, unreadAfter: webhooks.unreadAfter },
})

/** Milliseconds that the engine remembers ids longer than `sendWindow`: a retry at its very end takes time to arrive. */
const SEND_WINDOW_MARGIN = 60_000

/** Returns an app's rules for `engine.send`. */
export const sendRulesOf = (
  { retention, limits: { inboxes, bytes, unreadPerSender, messagesPerSecond } }: AppSettings,
  { sendWindow }: Pick<Settings, 'sendWindow'>,
  unknownRecipients: boolean,
): SendRules => ({
  sendWindow: sendWindow + SEND_WINDOW_MARGIN,
  retention,
  unknownRecipients,
  unreadPerSender,
  messagesPerSecond,
  quota: { inboxes, bytes },
})
