/* global document */
// The list of the user's threads, each with its newest message and the number of unread ones.
import { element, nameOf, openInbox, peopleIds, products, showTime, threadOf } from './inbox.js'
import { openContacts } from './contacts.js'
import { patchList, setText } from './patch-list.js'

const section = document.querySelector('[data-threads]')
const part = (what) => section.querySelector(`[data-${what}]`)

/** Returns the threads, sorted by their newest message, the latest first. */
const threadItems = () => {
  const unread = new Set(inbox.unread())
  const threads = new Map()
  for (const message of inbox.messages()) {
    const thread = threadOf(message)
    if (!thread) continue
    const key = `${thread.other} ${thread.product}`
    const count = (threads.get(key)?.count ?? 0) + (unread.has(message) ? 1 : 0)
    // A Map keeps the order of insertion: delete first, so that the thread goes to the end.
    threads.delete(key)
    threads.set(key, { ...thread, key, count, newest: message })
  }
  return [...threads.values()].reverse()
}

const updateItem = (item, { other, product, count, newest }) => {
  const [link, body, time, badge] = ['link', 'body', 'time', 'new'].map((what) =>
    item.querySelector(`[data-${what}]`),
  )
  setText(link, `${products[product]}, ${nameOf(other)}`)
  link.href = section.dataset.threads.replace(':other', other).replace(':product', product)
  setText(body, `${newest.from === other ? '' : 'You: '}${newest.body ?? ''}`)
  setText(badge, `${count} new`)
  badge.hidden = count === 0
  const contact = item.querySelector('[data-contact]')
  const isOnline = contacts.isOnline(other)
  contact.dataset.presence = isOnline ? 'online' : 'offline'
  setText(contact, contacts.isTyping(other, product) ? 'types…' : isOnline ? 'is here' : '')
  showTime(time, newest.sentAt)
}

const show = () => {
  if (!inbox.me()) return
  const items = threadItems()
  patchList(part('list'), items, part('thread'), updateItem)
  part('connecting').hidden = true
  part('nothing').hidden = items.length > 0
  if (element.state === 'active') inbox.markRead(() => false)
}

const contacts = openContacts(peopleIds, () => show())
const inbox = openInbox(show)
if (element.state) show()
