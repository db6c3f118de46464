/* global document */
// Loaded once, by the head of a page whose body is swapped. It listens on the document, which stays, and looks up its outputs
// each time. A tag in a swapped body fires `session-started` for the session that it joins.
const find = (label) => document.querySelector(`[aria-label="${label}"]`)

const showState = () => {
  const output = find('State')
  if (output) output.textContent = document.querySelector('chat-session')?.state ?? ''
}

/** @type {(message: { offset: number, from: string | null, body?: string }) => void} */
const showMessage = ({ offset, from, body }) => {
  const list = find('Messages')
  // A message may be in the result of history() and in an event.
  if (!list || list.querySelector(`[value="${offset}"]`)) return
  const item = document.createElement('li')
  item.value = offset
  item.textContent = `${from}: ${body}`
  list.append(item)
}

const showInbox = async (chat) => {
  // If the session ends meanwhile, history() rejects.
  for (const message of await chat.history().catch(() => [])) showMessage(message)
}

document.addEventListener('session-state', showState)
document.addEventListener('session-message', ({ detail }) => showMessage(detail.message))
document.addEventListener('session-started', ({ target }) => showInbox(target))
// New outputs are empty, and a session that ended with the swap fires no event on the document.
for (const swapped of ['turbo:render', 'htmx:after:swap']) document.addEventListener(swapped, showState)

// The session may have started before this script ran.
const chat = document.querySelector('chat-session')
showState()
if (chat?.state === 'active') showInbox(chat)
