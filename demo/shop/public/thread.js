/* global document, FormData */
// One thread: the messages of two people, and the form that sends another about a product. `<chat-session>` takes the form's submits.
import { element, openInbox, productOf, products, showTime } from './inbox.js'
import { openContacts } from './contacts.js'
import { patchList, setText } from './patch-list.js'

const section = document.querySelector('[data-thread]')
const { other, name, product } = section.dataset
const part = (what) => section.querySelector(`[data-${what}]`)
const log = part('log')
const list = part('messages')
const form = part('write')

/** Why a message was not sent, by the error's code. */
const refusals = {
  'too-large': 'It is too long.',
  'outbox-full': 'Too many messages are waiting.',
  'unknown-outcome': 'Perhaps it was sent: reload the page to see.',
}
const refusalOf = ({ code }) => `Not sent. ${refusals[code] ?? 'Something went wrong.'}`

/** What this page has sent, and the inbox has not: the texts by the ids of the messages. */
const outgoing = new Map()
/** The ids of those that will not be sent any more. */
const failed = new Set()
/** Why messages wait. */
let reason = null

/** Returns the thread's messages in the inbox, then those on their way. A message keeps its `key` when it is stored. */
const threadItems = () => {
  const messages = inbox.messages()
  for (const { id } of messages) outgoing.delete(id)
  return [
    ...messages.map((message) => ({ ...message, key: message.id })),
    ...[...outgoing].map(([key, body]) => ({ from: inbox.me(), body, key, hasFailed: failed.has(key) })),
  ]
}

const statusOf = (message) => {
  if (message.hasFailed) return 'Not sent.'
  if (!message.sentAt) return reason ? 'Waiting for the connection…' : 'Sending…'
  const author = message.from === inbox.me() ? 'You' : name
  const about = productOf(message)
  return about && about !== product ? `${author} on ${products[about]}` : author
}

const updateItem = (item, message) => {
  const { from, body, sentAt, hasFailed } = message
  const [text, status, time] = ['body', 'status', 'time'].map((what) => item.querySelector(`[data-${what}]`))
  item.className = from === inbox.me() ? 'mine' : 'theirs'
  item.classList.toggle('unsent', !sentAt)
  item.classList.toggle('failed', !!hasFailed)
  setText(text, body ?? '')
  setText(status, statusOf(message))
  time.hidden = !sentAt
  if (sentAt) showTime(time, sentAt)
}

/** Says what became of messages that are not in the list. */
const say = (text) => setText(part('notice'), text)

const scrollToEnd = () => (log.scrollTop = log.scrollHeight)

/** Shows whether the other person is here and types. The gateway tells that of those who have written to the user. */
const showContact = () => {
  const presence = document.querySelector('[data-presence]')
  const hasWritten = inbox.messages().some(({ from }) => from === other)
  const isOnline = hasWritten ? contacts.isOnline(other) : undefined
  if (presence && isOnline !== undefined) {
    presence.dataset.presence = isOnline ? 'online' : 'offline'
    setText(presence, isOnline ? `${name} is here now.` : `${name} is away, and answers later.`)
  }
  setText(part('typing'), contacts.isTyping(other) ? `${name} is typing…` : '\u00A0')
}

const show = () => {
  // A customer's form goes to the shop without a session. A visitor has none: many gateways take no guests.
  if (element.state === 'failed')
    setText(part('connecting'), 'You can’t write without an account here. Log in first.')
  if (!inbox.me()) return
  const items = threadItems()
  showContact()
  const isAtEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 2
  patchList(list, items, part('message'), updateItem)
  part('nothing').hidden = items.length > 0
  part('older').hidden = !inbox.hasOlder()
  log.hidden = items.length === 0
  form.hidden = false
  part('connecting').hidden = true
  if (isAtEnd) scrollToEnd()
  if (element.state !== 'active') return
  contacts.watch([other])
  inbox.markRead()
}

// The server has drawn messages from the top.
scrollToEnd()
const contacts = openContacts(() => show())
const inbox = openInbox(other, show)
// The session may have failed before this script ran.
show()

const showOlder = async () => {
  const first = list.firstElementChild
  await inbox.loadOlder()
  first.previousElementSibling?.scrollIntoView({ block: 'end' })
  // The button that had the focus is gone.
  if (!inbox.hasOlder()) log.focus({ preventScroll: true })
}
part('older').addEventListener('click', () => void showOlder().catch(show))

document.addEventListener('session-pending', ({ detail }) => {
  reason = detail.reason
  // Those of an earlier page are shown when they are stored.
  const others = detail.count - outgoing.size
  if (others > 0) say(`${others === 1 ? 'A message' : `${others} messages`} of the page before will be sent.`)
  else if (detail.failed[0]) say(`A message of the page before: ${refusalOf(detail.failed[0].error)}`)
  else if (detail.count === 0) say('')
  show()
})

form.addEventListener('input', () => {
  if (inbox.messages().length > 0) contacts.typeTo(other)
})
form.addEventListener('submit', (event) => {
  const { id, body } = Object.fromEntries(new FormData(form))
  // `required` takes spaces for a text.
  if (!body.trim()) return event.preventDefault()
  contacts.sent()
  outgoing.set(id, body)
  // The element's own listener is the last one. If it leaves the submit alone, the form goes to the shop.
  setTimeout(() => {
    if (!event.defaultPrevented) outgoing.delete(id)
    show()
    scrollToEnd()
  })
})
// The form has the text again, with its id. If the user has begun another text, the thread keeps the one that failed.
form.addEventListener('session-error', ({ detail }) => {
  outgoing.delete(new FormData(form).get('id'))
  if (!element.pending) for (const id of outgoing.keys()) failed.add(id)
  say(refusalOf(detail.error))
  show()
})
// Enter sends. Shift and Enter start a new line.
form.addEventListener('keydown', (event) => {
  // Safari ends a composition before the key that ended it, which has this code.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
  event.preventDefault()
  form.requestSubmit()
})
