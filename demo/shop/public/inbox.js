/* global document */
// What the pages with messages have in common: names, times, and the messages with one person.
import { setText } from './patch-list.js'
import { createTimeFormat } from './time.mjs'

/** How many messages are loaded at a time. */
const PAGE_SIZE = 100

export const element = document.querySelector('chat-session')

const formatTime = createTimeFormat()
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })

/** Shows `sentAt` in a `<time>`, in the reader's language and time zone. Its title has the whole date. */
export const showTime = (node, sentAt) => {
  node.dateTime = new Date(sentAt).toISOString()
  node.title = fullFormat.format(sentAt)
  setText(node, formatTime(sentAt))
}

const { dataset } = document.querySelector('[data-people]')
const people = JSON.parse(dataset.people)
export const products = JSON.parse(dataset.products)

/** Returns the name of a person whom the shop knows. All visitors have one name. */
export const nameOf = (id) => {
  const key = /^guest:~[\w-]+$/.test(id) ? 'guest:~' : id
  return Object.hasOwn(people, key) ? people[key] : undefined
}

/** Returns the product that a message is about, or undefined. The sender can put any JSON into a message's data. */
export const productOf = ({ data }) => {
  const product = data?.product
  return typeof product === 'string' && Object.hasOwn(products, product) ? product : undefined
}

/** Loads the newest messages with a person and listens for more. Calls `changed` after every event that can change a page. */
export const openInbox = (other, changed) => {
  const byOffset = new Map()
  let user
  let hasOlder = false
  /** Until the messages are loaded, the page shows what the server drew, or what was there before. */
  let isLoaded = false
  /** The offset of the newest message that was marked as read. */
  let marked = 0

  const add = (messages) => {
    for (const message of messages) byOffset.set(message.offset, message)
    changed()
  }
  const load = async (before) => {
    const messages = await element.history({ with: other, before, limit: PAGE_SIZE })
    hasOlder = messages.length === PAGE_SIZE
    isLoaded = true
    add(messages)
  }
  const inbox = {
    /** The user's id. Undefined until the messages are loaded. */
    me: () => (isLoaded ? user?.id : undefined),
    /** The loaded messages, in the order of their offsets. */
    messages: () => [...byOffset.values()].sort((one, other) => one.offset - other.offset),
    /** Marks the messages of this person as read, and nobody else's, if the page is seen. */
    markRead: () => {
      const newest = inbox.messages().findLast(({ from }) => from === other)
      if (!newest || newest.offset <= marked || document.visibilityState === 'hidden') return
      marked = newest.offset
      element
        .markRead(newest.offset, { with: other })
        .catch(({ code }) => console.warn(`Not marked as read: ${code}`))
    },
    hasOlder: () => hasOlder,
    loadOlder: () => load(inbox.messages()[0]?.offset),
  }

  const loadNewest = (session) => {
    user = session.user
    byOffset.clear()
    isLoaded = false
    marked = 0
    void load().catch(changed)
  }
  // Messages may have arrived before a new session started, so they are loaded again.
  document.addEventListener('session-started', () => loadNewest(element.session))
  document.addEventListener('session-message', ({ detail: { message } }) => {
    if (message.from === other || message.to === other) add([message])
  })
  document.addEventListener('session-state', changed)
  document.addEventListener('visibilitychange', changed)
  if (element.state === 'active') loadNewest(element.session)
  return inbox
}
