import type { UserRef } from '../../engine/index.js'
import type { Message } from '../../protocol/index.js'
import type { AppPush } from '../apps/vapid.js'

/** The most bytes of a payload. Push services accept more (`MAX_PLAINTEXT`), but a device perhaps lacks the memory for that. */
const MAX_BYTES = 3_072
/** The most bytes of a title. A sender's name may be as long as a whole profile. */
const MAX_TITLE = 256
/** The end of a text that was cut. */
const CUT = '…'

/** The parts of a message that a push shows. */
type PushedMessage = Pick<Message, 'offset' | 'from' | 'sender' | 'body'>

/** The bytes that a text takes within a JSON string. */
const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2

/** Returns a text that takes at most `bytes`: the text itself, or its longest beginning of whole characters with `CUT` at the end. */
const cut = (text: string, bytes: number): string => {
  if (jsonBytes(text) <= bytes) return text
  let left = bytes - Buffer.byteLength(CUT)
  let length = 0
  for (const character of text) {
    left -= jsonBytes(character)
    if (left < 0) break
    length += character.length
  }
  return text.slice(0, length) + CUT
}

/** Returns the tag of the pushed notifications about one sender's messages. A newer notification replaces an older one of the same tag. */
const tagOf = ({ appId, userId }: UserRef, from: string | null): string =>
  `chat-session:${appId}:${encodeURIComponent(userId)}:${encodeURIComponent(from ?? '')}`

/** Returns the text of a push: a declarative web push message. Browsers without declarative push pass the text to the service worker. */
export const pushPayload = (
  user: UserRef,
  { title: defaultTitle, content, url }: AppPush['settings'],
  { offset, from, sender, body }: PushedMessage,
  unread: number,
): string => {
  const isShown = content === 'full'
  const jsonOf = (title: string, text?: string): string =>
    JSON.stringify({
      web_push: 8030,
      notification: {
        title,
        ...(text && { body: text }),
        navigate: url.replaceAll('{from}', () => encodeURIComponent(from ?? '')),
        tag: tagOf(user, from),
        data: { app: user.appId, user: user.userId, offset, from },
      },
      app_badge: unread,
    })
  const title = isShown && sender?.name ? cut(sender.name, MAX_TITLE) : defaultTitle
  const full = jsonOf(title, isShown ? body : undefined)
  if (Buffer.byteLength(full) <= MAX_BYTES) return full
  const left = MAX_BYTES - Buffer.byteLength(jsonOf(title, CUT)) + jsonBytes(CUT)
  if (body !== undefined && left > jsonBytes(CUT)) return jsonOf(title, cut(body, left))
  // Long ids leave no room for the message, so the push does not show it.
  return jsonOf(defaultTitle)
}
