import type { AppOptions, SendRules, WebhookOptions } from '../../engine/index.js'
import { engineRules } from '../../engine/internal.js'
import type { AppSettings, Settings } from '../config/parse.js'

/** How many webhook events may be pending for an app, and how many for one of its users. */
const APP_EVENTS = 1_000_000
const USER_EVENTS = 10_000
/** In bytes: the smallest limit for all pending events of an app, and the largest limit for those of one user. */
const MIN_APP_EVENT_BYTES = 2 ** 20
const MAX_USER_EVENT_BYTES = 4 * 2 ** 20

/** Returns the limits of pending webhook events. A user's limits are smaller than the app's, so that one user can't use up the app's. */
const eventLimitsOf = ({ limits }: Pick<AppSettings, 'limits'>): WebhookOptions['limits'] => {
  const bytes = Math.max(MIN_APP_EVENT_BYTES, Math.floor(limits.bytes / 10))
  return {
    app: { events: APP_EVENTS, bytes },
    user: { events: USER_EVENTS, bytes: Math.min(MAX_USER_EVENT_BYTES, Math.floor(bytes / 10)) },
  }
}

/** Returns the part of an app's settings that the engine uses. */
export const engineOptionsOf = ({ retention, webhooks, limits }: AppSettings): AppOptions => ({
  retention,
  webhooks: webhooks && {
    events: webhooks.events,
    unreadAfter: webhooks.unreadAfter,
    limits: eventLimitsOf({ limits }),
  },
})

/**
 * The engine remembers the ids of messages this many milliseconds longer than `sendWindow`. So it still recognizes a retry that a client
 * sends at the end of `sendWindow`.
 */
const SEND_WINDOW_MARGIN = 60_000

/** Returns an app's rules for a client's message. */
export const sendRulesOf = (
  {
    retention,
    unknownRecipients,
    push,
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
  pushAfter: push?.after,
  quota: {
    inboxes,
    bytes,
    bytesPerSender: Math.max(bytes * engineRules.senderShare, engineRules.minSenderBytes),
  },
})

/**
 * Returns an app's rules for a message of its backend. Only the app's quota limits what the backend sends, even in a user's name. An
 * `unreadPerSender` of 1, the whole inbox, limits nothing.
 */
export const backendRulesOf = (app: AppSettings, settings: Pick<Settings, 'sendWindow'>): SendRules => {
  const rules = sendRulesOf(app, settings)
  return {
    ...rules,
    unknownRecipients: true,
    unknownSenders: true,
    unreadPerSender: 1,
    messagesPerSecond: undefined,
    quota: { ...rules.quota, bytesPerSender: undefined },
  }
}
