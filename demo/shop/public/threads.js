/* global document */
// The list of those whom the user has exchanged messages with, each with the newest message and the number of unread ones.
import { element, nameOf, productOf, products, showTime } from './inbox.js'
import { openContacts } from './contacts.js'
import { patchList, setText } from './patch-list.js'

/** How many people are listed at first, and how many more at a time. */
const PAGE_SIZE = 50

const section = document.querySelector('[data-threads]')
const part = (what) => section.querySelector(`[data-${what}]`)
/** A log-out removes it from the page. */
const list = part('list')

/** What `peers()` has returned: the one with the newest message first. Undefined until it has. */
let peers
/** How many are wanted, and whether there are more. */
let wanted = PAGE_SIZE
let hasMore = false
let isLoading = false
let isOutOfDate = false

const updateItem = (item, { id, name, unread, newest }) => {
  const [link, body, time, badge] = ['link', 'body', 'time', 'new'].map((what) =>
    item.querySelector(`[data-${what}]`),
  )
  const product = productOf(newest)
  setText(link, product ? `${name}, ${products[product]}` : name)
  const place = { ':other': id, ':product': product ?? Object.keys(products)[0] }
  link.href = section.dataset.threads.replace(/:\w+/g, (part) => place[part])
  setText(body, `${newest.from === id ? '' : 'You: '}${newest.body ?? ''}`)
  setText(badge, `${unread} new`)
  badge.hidden = unread === 0
  const contact = item.querySelector('[data-contact]')
  const isOnline = contacts.isOnline(id)
  contact.dataset.presence = isOnline ? 'online' : 'offline'
  setText(contact, contacts.isTyping(id) ? 'is typing…' : isOnline ? 'is here' : '')
  showTime(time, newest.sentAt)
}

const show = () => {
  if (!peers) return
  // Any user of the app can write to any other. The shop lists its own people, under its own names.
  const items = peers.flatMap((peer) => {
    const name = nameOf(peer.id)
    return name ? { ...peer, name, key: peer.id } : []
  })
  patchList(list, items, part('thread'), updateItem)
  part('connecting').hidden = true
  part('nothing').hidden = items.length > 0
  part('more').hidden = !hasMore
  contacts.watch(items.map(({ id }) => id))
}

const contacts = openContacts(show)

/** Asks for the list. What changes meanwhile makes it ask again. */
const load = async () => {
  isOutOfDate = true
  if (isLoading) return
  isLoading = true
  try {
    while (isOutOfDate) {
      isOutOfDate = false
      const found = []
      let before
      do {
        const page = await element.peers({ limit: PAGE_SIZE, before })
        found.push(...page.peers)
        before = page.next
      } while (before && found.length < wanted)
      peers = found
      hasMore = before !== undefined
      show()
      // No page shows the messages of others, so nobody could read them.
      for (const { id, unread, newest } of found)
        if (unread && !nameOf(id)) await element.markRead(newest.offset, { with: id })
    }
  } catch ({ code }) {
    console.warn(`The list is out of date: ${code}`)
  } finally {
    isLoading = false
  }
}

part('more').addEventListener('click', () => {
  wanted += PAGE_SIZE
  void load()
})
// A message has come or gone, or a thread was read, here or elsewhere.
for (const type of ['session-started', 'session-message', 'session-unread'])
  document.addEventListener(type, () => void load())
document.addEventListener('session-state', show)
if (element.state === 'active') void load()
