/* global document */
// The list of threads: whom the reader wrote with, about which product, and what is new.
import { element, openInbox, people, products, showTime, threadOf } from './inbox.js'

const place = document.querySelector('[data-threads]')
const list = place.querySelector('ul')

const itemOf = ({ other, product, messages }, unread) => {
  const item = place.querySelector('template').content.cloneNode(true).firstElementChild
  const part = (what) => item.querySelector(`[data-${what}]`)
  const { from, body, sentAt } = messages.at(-1)
  const news = messages.filter((message) => unread.includes(message)).length
  part('link').textContent = `${products[product]}, ${people[other]}`
  part('link').href = place.dataset.threads.replace(':other', other).replace(':product', product)
  part('body').textContent = `${from === other ? '' : 'You: '}${body ?? ''}`
  part('new').textContent = `${news} new`
  part('new').hidden = news === 0
  showTime(part('time'), sentAt)
  return item
}

const show = () => {
  if (!inbox.me()) return
  const threads = new Map()
  for (const message of inbox.messages()) {
    const thread = threadOf(message)
    if (!thread) continue
    const { other, product } = thread
    const key = `${other} ${product}`
    // The one that was written to last comes first.
    const messages = [...(threads.get(key)?.messages ?? []), message]
    threads.delete(key)
    threads.set(key, { other, product, messages })
  }
  const unread = inbox.unread()
  list.replaceChildren(...[...threads.values()].reverse().map((thread) => itemOf(thread, unread)))
  place.querySelector('[data-connecting]').hidden = true
  place.querySelector('[data-nothing]').hidden = threads.size > 0
  if (element.state === 'active') inbox.markRead(() => false)
}

const inbox = openInbox(show)
if (element.state) show()
