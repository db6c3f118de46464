/* global document */
// What the pages with messages share: the part of the inbox that was looked up, and what of it is unread.

/** How much is looked up at once; the most that there is for one question. */
const PAGE = 100

export const element = document.querySelector('chat-session')

/** In the reader's own language and time zone. */
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

export const showTime = (place, sentAt) => {
  place.dateTime = new Date(sentAt).toISOString()
  place.textContent = clock.format(sentAt)
}

/** A short text among a message's data, else undefined: whoever sends a message can put anything there. */
export const textIn = ({ data }, name) => {
  const text = data?.[name]
  return typeof text === 'string' && text.length <= 100 ? text : undefined
}

const { dataset } = document.querySelector('[data-people]')
export const people = JSON.parse(dataset.people)
export const products = JSON.parse(dataset.products)

/** The thread that a message is of: who else, and about what. Undefined for what the shop knows nothing of. */
export const threadOf = (message) => {
  const { from, to } = message
  const other = Object.hasOwn(people, from) ? from : to
  const product = textIn(message, 'product')
  return Object.hasOwn(people, other) && Object.hasOwn(products, product) ? { other, product } : undefined
}

/** The user's messages by offset, from some offset on; `changed` is called whenever there is news of them. */
export const openInbox = (changed) => {
  const byOffset = new Map()
  let user
  let hasOlder = false

  const add = (messages) => {
    for (const message of messages) byOffset.set(message.offset, message)
    changed()
  }
  const look = async (before) => {
    const messages = await element.history({ before, limit: PAGE })
    // Large ones come in smaller pages: only one that is empty, or begins with the inbox, is the last.
    hasOlder = messages.length > 0 && messages[0].offset > 1
    add(messages)
  }
  const inbox = {
    /** The user id; undefined until the session is there. */
    me: () => user?.id,
    /** In order. */
    messages: () => [...byOffset.values()].sort((one, other) => one.offset - other.offset),
    /** What came from others last is what is unread. */
    unread: () => {
      const received = inbox.messages().filter(({ from }) => from !== user?.id)
      return element.unread ? received.slice(-element.unread) : []
    },
    /**
     * There is one mark for all that is read: it goes no further than to what is unread in a thread that is not shown. What
     * is of no thread is nowhere to be read, and keeps nothing from being so.
     */
    markRead: (isShown) => {
      const unread = inbox.unread()
      if (document.visibilityState === 'hidden' || unread.length < element.unread) return
      const elsewhere = unread.findIndex((message) => threadOf(message) && !isShown(message))
      const newest = unread.at(elsewhere === -1 ? -1 : elsewhere - 1)
      if (newest && elsewhere !== 0) element.markRead(newest.offset)
    },
    hasOlder: () => hasOlder,
    lookFurther: () => look(inbox.messages()[0]?.offset),
  }

  const begin = async (session) => {
    user = session.user
    byOffset.clear()
    await look()
    while (hasOlder && inbox.unread().length < element.unread) await inbox.lookFurther()
  }
  // A session that had to be started anew may have missed something.
  document.addEventListener('session-started', () => void begin(element.session).catch(changed))
  document.addEventListener('session-message', ({ detail }) => add([detail.message]))
  document.addEventListener('session-unread', changed)
  document.addEventListener('session-state', changed)
  document.addEventListener('visibilitychange', changed)
  if (element.state === 'active') void begin(element.session).catch(changed)
  return inbox
}
