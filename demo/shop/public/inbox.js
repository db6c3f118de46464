/* global document */
// The user's inbox, for the pages that show messages: the messages that were loaded, and the unread ones among them.
import { setText } from './patch-list.js'

/** `history()` returns at most 100 messages a call. */
const PAGE_SIZE = 100

export const element = document.querySelector('chat-session')

/** Formats in the reader's language and time zone. */
const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** Shows `sentAt` in a `<time>`. */
export const showTime = (node, sentAt) => {
  node.dateTime = new Date(sentAt).toISOString()
  setText(node, timeFormat.format(sentAt))
}

/** Returns a short text from a message's data, or undefined. The sender can put any JSON there. */
export const textIn = ({ data }, name) => {
  const text = data?.[name]
  return typeof text === 'string' && text.length <= 100 ? text : undefined
}

const { dataset } = document.querySelector('[data-people]')
const people = JSON.parse(dataset.people)
/** The ids of the people who have accounts. */
export const peopleIds = Object.keys(people).filter((id) => id !== 'guest:~')
export const products = JSON.parse(dataset.products)

/** Returns the name of a person whom the shop knows. All visitors have one name. */
export const nameOf = (id) => {
  const key = /^guest:~[\w-]+$/.test(id) ? 'guest:~' : id
  return Object.hasOwn(people, key) ? people[key] : undefined
}

/** Returns the thread of a message: the other person's id and the product's. Undefined if the shop does not know both. */
export const threadOf = (message) => {
  const { from, to } = message
  const other = nameOf(from) ? from : to
  const product = textIn(message, 'product')
  return nameOf(other) && Object.hasOwn(products, product) ? { other, product } : undefined
}

/** Loads the newest messages and listens for more. Calls `changed` after every event that can change a page. */
export const openInbox = (changed) => {
  const byOffset = new Map()
  let user
  let hasOlder = false
  /** Until the inbox is loaded, the page shows what the server drew. */
  let isLoaded = false

  const add = (messages) => {
    for (const message of messages) byOffset.set(message.offset, message)
    changed()
  }
  const load = async (before) => {
    const messages = await element.history({ before, limit: PAGE_SIZE })
    // A page of large messages has fewer than PAGE_SIZE, so its length does not show that it is the last one.
    hasOlder = messages.length > 0 && messages[0].offset > 1
    isLoaded = true
    add(messages)
  }
  const inbox = {
    /** The user's id. Undefined until the inbox is loaded. */
    me: () => (isLoaded ? user?.id : undefined),
    /** The loaded messages, in the order of their offsets. */
    messages: () => [...byOffset.values()].sort((one, other) => one.offset - other.offset),
    /** The unread messages: the newest `element.unread` of those that others sent. */
    unread: () => {
      const received = inbox.messages().filter(({ from }) => from !== user?.id)
      return element.unread ? received.slice(-element.unread) : []
    },
    /**
     * Marks messages as read, up to the first unread message of a thread that the page does not show. An inbox has one mark for all
     * threads, so a later mark would cover that message too. Messages of no thread are shown on no page and don't stop the mark.
     */
    markRead: (isShown) => {
      const unread = inbox.unread()
      if (document.visibilityState === 'hidden' || unread.length < element.unread) return
      const elsewhere = unread.findIndex((message) => threadOf(message) && !isShown(message))
      const newest = unread.at(elsewhere === -1 ? -1 : elsewhere - 1)
      if (newest && elsewhere !== 0)
        element.markRead(newest.offset).catch(({ code }) => console.warn(`Not marked as read: ${code}`))
    },
    hasOlder: () => hasOlder,
    loadOlder: () => load(inbox.messages()[0]?.offset),
  }

  const loadNewest = async (session) => {
    user = session.user
    byOffset.clear()
    await load()
    while (hasOlder && inbox.unread().length < element.unread) await inbox.loadOlder()
  }
  // Messages may have arrived before a new session started, so the inbox is loaded again.
  document.addEventListener('session-started', () => void loadNewest(element.session).catch(changed))
  document.addEventListener('session-message', ({ detail }) => add([detail.message]))
  document.addEventListener('session-unread', changed)
  document.addEventListener('session-state', changed)
  document.addEventListener('visibilitychange', changed)
  if (element.state === 'active') void loadNewest(element.session).catch(changed)
  return inbox
}
