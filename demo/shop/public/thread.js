/* global document, sessionStorage */
// One thread: the messages of two people about a product, and the form that sends another.
import { element, openInbox, showTime, textIn, threadOf } from './inbox.js'
import { patchList, setText } from './patch-list.js'

const section = document.querySelector('[data-thread]')
const { other, name, product } = section.dataset
const part = (what) => section.querySelector(`[data-${what}]`)
const log = part('log')
const list = part('messages')
const form = part('write')

/** Why a message was not sent, by the error's code. `left` is this page's own. */
const reasons = {
  'too-large': 'It is too long.',
  'signed-out': 'You are logged out. Log in first.',
  'outbox-full': 'Too many messages are waiting.',
  left: 'You left the page before it was sent.',
}

/*
 * sessionStorage keeps each message until `send()` resolves, so that the tab's next page can offer it again. The message carries a
 * key of the shop in its data. If the inbox has a message with that key, the message was sent. If it has two, one is shown.
 */
const storageKey = () => `unsent ${inbox.me()} ${other} ${product}`
const stored = () => JSON.parse(sessionStorage.getItem(storageKey()) ?? '[]')
const store = (unsent) => sessionStorage.setItem(storageKey(), JSON.stringify(unsent))

/** The keys of messages that are being sent, and the error codes of those that failed. */
const sending = new Set()
const failures = new Map()

const isOfThread = (message) => {
  const thread = threadOf(message)
  return thread?.other === other && thread.product === product
}

/** Returns the thread's messages in the inbox, then the unsent ones. Each has a `key` that stays the same when it is sent. */
const threadItems = () => {
  const items = new Map()
  for (const message of inbox.messages().filter(isOfThread)) {
    const key = `${message.from} ${textIn(message, 'key') ?? message.offset}`
    items.set(key, { ...message, key })
  }
  for (const unsent of stored()) {
    const key = `${inbox.me()} ${unsent.key}`
    if (!items.has(key)) items.set(key, { from: inbox.me(), body: unsent.body, key, unsent })
  }
  return [...items.values()]
}

const statusOf = ({ from, unsent }) => {
  if (!unsent) return from === inbox.me() ? 'You' : name
  if (sending.has(unsent.key)) return 'Sending…'
  return `Not sent. ${reasons[failures.get(unsent.key) ?? 'left'] ?? 'Something went wrong.'}`
}

const updateItem = (item, message) => {
  const { from, body, sentAt, unsent } = message
  const [text, status, time, again] = ['body', 'status', 'time', 'again'].map((what) =>
    item.querySelector(`[data-${what}]`),
  )
  const hasFailed = unsent !== undefined && !sending.has(unsent.key)
  item.className = from === inbox.me() ? 'mine' : 'theirs'
  item.classList.toggle('unsent', unsent !== undefined)
  item.classList.toggle('failed', hasFailed)
  setText(text, body ?? '')
  setText(status, statusOf(message))
  time.hidden = unsent !== undefined
  if (!unsent) showTime(time, sentAt)
  // A button loses the focus when it is hidden. Without this, Tab would start at the top of the page.
  if (!hasFailed && again === document.activeElement) log.focus({ preventScroll: true })
  again.hidden = !hasFailed
}

const scrollToEnd = () => (log.scrollTop = log.scrollHeight)

const show = () => {
  if (!inbox.me()) return
  const items = threadItems()
  const isAtEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 2
  patchList(list, items, part('message'), updateItem)
  part('nothing').hidden = items.length > 0
  part('older').hidden = !inbox.hasOlder()
  log.hidden = items.length === 0
  form.hidden = false
  part('connecting').hidden = true
  if (isAtEnd) scrollToEnd()
  if (element.state === 'active') inbox.markRead(isOfThread)
}

const send = async (message) => {
  const { key, body } = message
  sending.add(key)
  show()
  try {
    // A session that ended at a log-out starts again if the customer has logged in since, in another tab.
    if (element.state === 'ended' || element.state === 'failed') await element.start()
    await element.send({ to: other, body, data: { product, key } })
    store(stored().filter((unsent) => unsent.key !== key))
  } catch (error) {
    failures.set(key, error.code)
  }
  sending.delete(key)
  show()
}

const inbox = openInbox(show)

part('older').addEventListener('click', () => void inbox.loadOlder().catch(show))

list.addEventListener('click', ({ target }) => {
  if (!target.matches('[data-again]')) return
  const { key } = target.closest('li').dataset
  const { unsent } = threadItems().find((item) => item.key === key)
  void send(unsent)
})

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const { body } = form.elements
  const message = { key: crypto.getRandomValues(new Uint32Array(4)).join('-'), body: body.value.trim() }
  if (!message.body) return
  store([...stored(), message])
  body.value = ''
  void send(message)
  scrollToEnd()
})
// Enter sends. Shift and Enter start a new line.
form.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  form.requestSubmit()
})
