/* global document, sessionStorage */
// One thread: what two people wrote to each other about a product, and where one of them writes.
import { element, openInbox, showTime, textIn, threadOf } from './inbox.js'

const section = document.querySelector('[data-thread]')
const { other, name, product } = section.dataset
const part = (what) => section.querySelector(`[data-${what}]`)

/** Why a message was not sent, where the reader can do something about it. */
const reasons = {
  'too-large': 'It is too long.',
  'signed-out': 'You are logged out: log in again, then',
  'outbox-full': 'Too many messages are waiting already.',
  left: 'The page was left before it was sent.',
}

/*
 * What is not known to be sent is kept for the next page of this tab. Each message carries a key that the shop gave it:
 * where a message with the key is in the inbox, it was sent, and if it was sent twice it is shown once.
 */
const place = () => `unsent ${inbox.me()} ${other} ${product}`
const stored = () => JSON.parse(sessionStorage.getItem(place()) ?? '[]')
const store = (unsent) => sessionStorage.setItem(place(), JSON.stringify(unsent))

/** Keys of what is on its way, and why the others are not. */
const underway = new Set()
const failures = new Map()

const isOfThread = (message) => {
  const thread = threadOf(message)
  return thread?.other === other && thread.product === product
}

const fill = (template, texts) => {
  const item = template.content.cloneNode(true).firstElementChild
  // As text: whatever a message says, it is no HTML.
  for (const [what, text] of Object.entries(texts)) item.querySelector(`[data-${what}]`).textContent = text
  return item
}

const messageItem = ({ from, body, sentAt }) => {
  const isMine = from === inbox.me()
  const item = fill(part('message'), { body: body ?? '', who: isMine ? 'You' : name })
  item.className = isMine ? 'mine' : 'theirs'
  showTime(item.querySelector('time'), sentAt)
  return item
}

const unsentItem = (unsent) => {
  const { key, body } = unsent
  const isUnderway = underway.has(key)
  const reason = reasons[failures.get(key) ?? 'left'] ?? 'It could not be sent.'
  const item = fill(part('unsent'), { body, why: isUnderway ? 'On its way …' : `Not sent. ${reason}` })
  item.classList.toggle('failed', !isUnderway)
  const again = item.querySelector('[data-again]')
  again.hidden = isUnderway
  again.addEventListener('click', () => void send(unsent))
  return item
}

/** The newest key that was shown: only for a newer one the log is scrolled. */
let shown

const show = () => {
  if (!inbox.me()) return
  const ofKey = new Map()
  for (const message of inbox.messages().filter(isOfThread))
    ofKey.set(`${message.from} ${textIn(message, 'key') ?? message.offset}`, message)
  const unsent = stored().filter(({ key }) => !ofKey.has(`${inbox.me()} ${key}`))
  const items = [...[...ofKey.values()].map(messageItem), ...unsent.map(unsentItem)]
  part('messages').replaceChildren(...items)
  part('nothing').hidden = items.length > 0
  part('older').hidden = !inbox.hasOlder()
  part('log').hidden = part('write').hidden = false
  part('connecting').hidden = true
  const newest = [...ofKey.keys(), ...unsent.map(({ key }) => key)].at(-1)
  if (newest !== shown) part('log').scrollTop = part('log').scrollHeight
  shown = newest
  if (element.state === 'active') inbox.markRead(isOfThread)
}

const send = async (message) => {
  const { key, body } = message
  underway.add(key)
  show()
  try {
    // Who was logged out meanwhile may be logged in again.
    if (element.state === 'ended' || element.state === 'failed') await element.start()
    await element.send({ to: other, body, data: { product, key } })
    store(stored().filter((unsent) => unsent.key !== key))
  } catch (error) {
    failures.set(key, error.code)
  }
  underway.delete(key)
  show()
}

const inbox = openInbox(show)

part('older').addEventListener('click', () => void inbox.lookFurther().catch(show))

part('write').addEventListener('submit', (event) => {
  event.preventDefault()
  const { body } = event.target.elements
  const message = { key: crypto.getRandomValues(new Uint32Array(4)).join('-'), body: body.value.trim() }
  if (!message.body) return
  store([...stored(), message])
  body.value = ''
  void send(message)
})
// Enter sends, as it does elsewhere; with Shift it starts a line.
part('write').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  event.currentTarget.requestSubmit()
})
