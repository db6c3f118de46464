import 'chat-session/define'
import type { ChatSession, NewMessage } from 'chat-session'
import type { SessionMessageEvent } from 'chat-session/element'

const element = document.createElement('chat-session')
element.appId = 'hF83jaq'
element.userId = 12345
element.tokenUrl = new URL('https://www.example.com/chat-token')
element.tokenFetcher = async ({ reason, signal }) => {
  const answer = await fetch(`/chat-token?${reason}`, { signal })
  return answer.status === 401 ? null : await answer.text()
}
element.user = { name: 'Ada', custom: { plan: 'free' } }

const message: NewMessage = { to: 7, id: 'form-1', body: 'Hi' }
document
  .querySelector('chat-session')
  ?.send(message)
  .then(({ offset }) => element.markRead(offset))
document.addEventListener('session-token-needed', (event) =>
  event.respondWith(fetch('/chat-token').then((answer) => answer.text())),
)
element.addEventListener('session-started', ({ detail }) => detail.user.id.toUpperCase())
document.body.addEventListener('session-message', ({ detail }) => detail.message.offset.toFixed())
element.addEventListener('session-failed', ({ detail }) => detail.error.retryable)

/** An event of the session has the detail of the element's. */
export const listen = (session: ChatSession, show: (event: SessionMessageEvent) => void): void => {
  session.addEventListener('message', show)
  session.addEventListener('unread', ({ detail }) => detail.unread.toFixed())
}

// @ts-expect-error an app id is a text
element.appId = 5
// @ts-expect-error the state is for reading
element.state = 'active'
// @ts-expect-error no state is called so
export const wrong = element.state === 'connected'
// @ts-expect-error there is nothing like it in its detail
element.addEventListener('session-started', ({ detail }) => detail.token)
// @ts-expect-error a message has no text
document.addEventListener('session-message', ({ detail }) => detail.message.text)
// @ts-expect-error the code is the error's
element.addEventListener('session-failed', ({ detail }) => detail.code)
