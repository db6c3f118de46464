/* global document */
// Loaded once by the head of a page whose body is swapped: it listens on the document, which stays, and finds what it writes to
// anew each time. A tag that comes with a swapped body tells `session-started` of the session that it joins.
const find = (label) => document.querySelector(`[aria-label="${label}"]`)

const showState = () => {
  const output = find('State')
  if (output) output.textContent = document.querySelector('chat-session')?.state ?? ''
}

/** @type {(message: { offset: number, from: string | null, body?: string }) => void} */
const showMessage = ({ offset, from, body }) => {
  const list = find('Messages')
  // What history() answers may cross what an event brings.
  if (!list || list.querySelector(`[value="${offset}"]`)) return
  const item = document.createElement('li')
  item.value = offset
  item.textContent = `${from}: ${body}`
  list.append(item)
}

const showInbox = async (chat) => {
  // A session that ends meanwhile has no inbox.
  for (const message of await chat.history().catch(() => [])) showMessage(message)
}

document.addEventListener('session-state', showState)
document.addEventListener('session-message', ({ detail }) => showMessage(detail.message))
document.addEventListener('session-started', ({ target }) => showInbox(target))
// What a swap brings knows nothing of a session that goes on, nor does one that has ended with a swap reach the document.
for (const swapped of ['turbo:render', 'htmx:after:swap']) document.addEventListener(swapped, showState)

// The tag may have been faster than this script.
const chat = document.querySelector('chat-session')
showState()
if (chat?.state === 'active') showInbox(chat)
