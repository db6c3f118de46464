import type { Message } from '../../session/index.js'

/** The arguments of `new Notification()`. */
export interface NotificationContent {
  title: string
  options: NotificationOptions
}

/**
 * Returns a text in the data of a message from the app's backend. The data of a user's message is ignored, because any user can write any
 * text there.
 */
const backendText = ({ from, data }: Message, field: string): string | undefined => {
  const value = from === null ? data?.[field] : undefined
  return typeof value === 'string' && value ? value : undefined
}

const contentOfOne = (message: Message, userKey: string): NotificationContent => {
  const { from, sender, body = '', offset } = message
  const url = backendText(message, 'icon')
  const icon = from === null ? url?.startsWith('https://') && url : sender?.photoUrl
  return {
    title: from === null ? (backendText(message, 'title') ?? document.title) : sender?.name || from,
    options: { body, tag: `${userKey}:${offset}`, ...(icon && { icon }) },
  }
}

/**
 * Returns the content for `count` messages, of which `messages` are the newest. For several messages the content is a summary. All
 * summaries have the same tag, so a new summary replaces the former one.
 */
export const notificationContent = (
  messages: readonly Message[],
  count: number,
  userKey: string,
): NotificationContent =>
  count === 1 && messages[0]
    ? contentOfOne(messages[0], userKey)
    : { title: document.title, options: { body: `${count} new messages`, tag: userKey } }
