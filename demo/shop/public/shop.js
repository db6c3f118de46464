/* global document, location, addEventListener */
// The shop's own script: the chat's state and the unread messages in the header, and logging out without leaving the page.

const element = document.querySelector('chat-session')

const showState = (state) => {
  for (const place of document.querySelectorAll('[data-chat-state]')) {
    place.dataset.chatState = state
    place.textContent = `chat: ${state}`
    place.hidden = state === 'idle'
  }
}

const showUser = (user) => {
  for (const place of document.querySelectorAll('[data-chat-user]'))
    place.textContent = `${user.name} (${user.id})`
}

const showUnread = () => {
  for (const place of document.querySelectorAll('[data-unread]')) {
    place.firstElementChild.textContent = element.unread
    place.hidden = !element.unread
  }
}

document.addEventListener('session-state', ({ detail }) => showState(detail.state))
document.addEventListener('session-unread', showUnread)
document.addEventListener('session-user', ({ detail }) => showUser(detail.user))
// The chat's script may have been faster than this one: what it told before can be read.
if (element.state) {
  showState(element.state)
  showUnread()
}
if (element.session?.user) showUser(element.session.user)

const logOut = async (form) => {
  const { ok } = await fetch(form.action, { method: 'POST', headers: { accept: 'application/json' } })
  if (!ok) throw new Error('The shop did not log you out.')
  // The chat's script may be missing, if the gateway was away when the page was loaded: then nothing is to be ended.
  await element.end?.()
  for (const part of document.querySelectorAll('[data-at-logout="remove"]')) part.remove()
  for (const part of document.querySelectorAll('[data-at-logout="show"]')) part.hidden = false
  document.querySelector('main [data-at-logout="show"]').focus()
}

for (const form of document.querySelectorAll('form[data-stay]'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    logOut(form).catch(() => {
      document.querySelector('[data-problem]').textContent = 'That did not work. Please try again.'
    })
  })

// A page that the browser kept and shows again may be of somebody who has logged out since.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload())
