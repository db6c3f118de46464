import type { Message } from '../../session/index.js'

/** What a notification is made with. */
export interface Notice {
  title: string
  options: NotificationOptions
}

/** What the app's backend says of a message in its data. A user's data is for the page to judge: anybody writes there what they like. */
const saidBy = ({ from, data }: Message, field: string): string | undefined => {
  const said = from === null ? data?.[field] : undefined
  return typeof said === 'string' && said ? said : undefined
}

/** For one message; `name` is the session's. */
const noticeOfOne = (message: Message, name: string): Notice => {
  const { from, sender, body = '', offset } = message
  const said = saidBy(message, 'icon')
  const icon = from === null ? said?.startsWith('https://') && said : sender?.photoUrl
  return {
    title: from === null ? (saidBy(message, 'title') ?? document.title) : sender?.name || from,
    options: { body, tag: `${name}:${offset}`, ...(icon && { icon }) },
  }
}

/** For what was missed: `messages` are the newest of `count`. Each such notification takes the place of the one before. */
export const noticeOf = (messages: readonly Message[], count: number, name: string): Notice =>
  count === 1 && messages[0]
    ? noticeOfOne(messages[0], name)
    : { title: document.title, options: { body: `${count} new messages`, tag: name } }
