/* global document, localStorage, location, navigator, addEventListener */
// The script of every page. It shows the session's state in the header, and logs out without a page load.

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

document.addEventListener('session-state', ({ detail }) => showState(detail.state))
document.addEventListener('session-user', ({ detail }) => showUser(detail.user))
// The session may have started before this script ran, so its events are over. Read the state from the element.
if (element.state) showState(element.state)
if (element.session?.user) showUser(element.session.user)

/** Shows the page as that of nobody: without the customer's name, messages and cart. */
const showLoggedOut = () => {
  for (const part of document.querySelectorAll('[data-at-logout="remove"]')) part.remove()
  for (const part of document.querySelectorAll('[data-at-logout="show"]')) part.hidden = false
}

const logOut = async (form) => {
  const { ok } = await fetch(form.action, { method: 'POST', headers: { accept: 'application/json' } })
  if (!ok) throw new Error('The log-out failed.')
  // If the gateway was down when the page loaded, the element is undefined and has no session.
  await element.end?.()
  showLoggedOut()
  document.querySelector('main [data-at-logout="show"]').focus()
}

for (const form of document.querySelectorAll('form[data-stay]'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    logOut(form).catch(() => {
      document.querySelector('[data-problem]').textContent = 'That did not work. Please try again.'
    })
  })

// A log-out in another tab ends the session of this page. The shop knows whether the customer is logged in still.
document.addEventListener('session-ended', async ({ detail: { error } }) => {
  if (!error) return
  const { status } = await fetch('/chat-token').catch(() => ({ status: 0 }))
  if (status === 401) showLoggedOut()
})

// Whether this browser notifies is a choice of the customer, on the account page. It holds for every page, and not for the next customer.
const toggle = document.querySelector('[data-notify]')
const choice = `notify ${element.getAttribute('user-id')}`
const notify = async () => {
  const isOn = localStorage.getItem(choice) === 'yes'
  element.notifications = element.push = isOn
  if (toggle) toggle.checked = isOn
  if (isOn) await navigator.serviceWorker?.register('/worker.js')
  return isOn
}
const reasons = {
  'notifications-denied': 'This browser does not allow the shop to notify you.',
  'notifications-unsupported': 'This browser can’t show notifications here.',
  'push-unavailable':
    'This device can’t be reached while the shop is closed. You are notified while it is open.',
  failed: 'That did not work. Please try again.',
}
const say = (code) => (document.querySelector('[data-notify-problem]').textContent = reasons[code] ?? '')
toggle?.addEventListener('change', async () => {
  say()
  localStorage.setItem(choice, toggle.checked ? 'yes' : 'no')
  try {
    if (!(await notify())) return
    await navigator.serviceWorker?.ready
    await element.requestNotifications()
  } catch ({ code }) {
    say(reasons[code] ? code : 'failed')
    // The user has to allow it first.
    if (code !== 'push-unavailable') localStorage.setItem(choice, 'no')
    await notify()
  }
})
if (toggle) document.addEventListener('session-error', ({ detail }) => say(detail.error.code))
// While the gateway is down there is no script for the worker. The next page registers it.
notify().catch(() => undefined)

// A page from the back/forward cache may be from before a log-out.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload())
