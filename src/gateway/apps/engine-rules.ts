import type { AppOptions, SendRules } from '../../engine/index.js'
import type { AppSettings, Settings } from '../config/parse.js'

/** Returns the part of an app's settings that the engine uses. */
export const engineOptionsOf = ({ retention, webhooks }: AppSettings): AppOptions => ({
  retention,
  webhooks: webhooks && { events: webhooks.events, unreadAfter: webhooks.unreadAfter },
})

/** Milliseconds that the engine remembers ids longer than `sendWindow`: a retry at its very end takes time to arrive. */
const SEND_WINDOW_MARGIN = 60_000

/** Returns an app's rules for a client's message. */
export const sendRulesOf = (
  {
    retention,
    unknownRecipients,
    limits: { inboxes, bytes, unreadPerSender, messagesPerSecond },
  }: AppSettings,
  { sendWindow }: Pick<Settings, 'sendWindow'>,
): SendRules => ({
  sendWindow: sendWindow + SEND_WINDOW_MARGIN,
  retention,
  unknownRecipients,
  unknownSenders: false,
  unreadPerSender,
  messagesPerSecond,
  quota: { inboxes, bytes },
})

/** Returns an app's rules for a message of its backend, which decides itself how much it sends, also in a user's name. */
export const backendRulesOf = (app: AppSettings, settings: Pick<Settings, 'sendWindow'>): SendRules => ({
  ...sendRulesOf(app, settings),
  unknownRecipients: true,
  unknownSenders: true,
  unreadPerSender: 1,
  messagesPerSecond: undefined,
})
