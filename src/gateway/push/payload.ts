import type { UserRef } from '../../engine/index.js'
import { sha256 } from '../../util/hash.js'
import type { Message } from '../../protocol/index.js'
import type { AppPush } from '../apps/vapid.js'

/** The most bytes of a payload. Push services accept more (`MAX_PLAINTEXT`), but a device perhaps lacks the memory for that. */
const MAX_BYTES = 3_000
/** The most bytes of a title. A sender's name may be as long as a whole profile. */
const MAX_TITLE = 256
/** The most characters of an id in a tag. Of a longer id, which may have 765 characters when it is encoded, the tag has the hash. */
const MAX_ID_IN_TAG = 128
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

/** Returns an id as it stands in a tag. No encoded id has a `+`, so no id stands as the hash of another one. */
const idInTag = (id: string): string => {
  const encoded = encodeURIComponent(id)
  return encoded.length <= MAX_ID_IN_TAG ? encoded : `+${sha256(id)}`
}

/** Returns the tag of the pushed notifications about one sender's messages. A newer notification replaces an older one of the same tag. */
const tagOf = ({ appId, userId }: UserRef, from: string | null): string =>
  `chat-session:${appId}:${idInTag(userId)}:${idInTag(from ?? '')}`

/**
 * Returns the text of a push: a declarative web push message of at most `MAX_BYTES`. Browsers without declarative push pass the text to the
 * service worker. If not all of it fits, the body is cut; if the ids leave no room for it, the push shows neither the sender nor the body;
 * and at last the link lacks the sender.
 */
export const pushPayload = (
  user: UserRef,
  { title: configTitle, content, url }: AppPush['settings'],
  { offset, from, sender, body }: PushedMessage,
  unread: number,
): string => {
  const jsonOf = (title: string, text?: string, linked = from): string =>
    JSON.stringify({
      web_push: 8030,
      notification: {
        title,
        ...(text && { body: text }),
        navigate: url.replaceAll('{from}', () => encodeURIComponent(linked ?? '')),
        tag: tagOf(user, from),
        data: { app: user.appId, user: user.userId, offset, from },
      },
      app_badge: unread,
    })
  const fits = (json: string): boolean => Buffer.byteLength(json) <= MAX_BYTES
  const isShown = content === 'full'
  const defaultTitle = cut(configTitle, MAX_TITLE)
  const title = isShown && sender?.name ? cut(sender.name, MAX_TITLE) : defaultTitle
  const text = isShown ? body : undefined
  const full = jsonOf(title, text)
  if (fits(full)) return full
  const left = MAX_BYTES - Buffer.byteLength(jsonOf(title, CUT)) + jsonBytes(CUT)
  if (text !== undefined && left > jsonBytes(CUT)) return jsonOf(title, cut(text, left))
  const hidden = jsonOf(defaultTitle)
  return fits(hidden) ? hidden : jsonOf(defaultTitle, undefined, null)
}
