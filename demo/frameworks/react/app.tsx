import 'chat-session/define'
import { useReducer, useState, type FormEvent } from 'react'
import { freshToken, logIn, loginOf, logOut, type Login, type Site } from '../common/site.ts'
import { useChat } from './use-chat.ts'

const next = (count: number): number => count + 1

export const App = ({ site }: { site: Site }) => {
  const [login, setLogin] = useState<Login | null>(loginOf(site))
  const [shown, setShown] = useState(true)
  const [renews, setRenews] = useState(true)
  const [order, setOrder] = useState(['chat', 'notes'])
  const [renders, render] = useReducer(next, 0)
  const [mount, remount] = useReducer(next, 0)
  const { element, setElement, state, unread, messages } = useChat()

  const leave = async (): Promise<void> => {
    await logOut()
    await element?.end()
    setLogin(null)
  }
  const renew = async (): Promise<void> => {
    const token = await freshToken()
    if (token) setLogin((login) => login && { ...login, token })
  }
  const send = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const form = event.currentTarget
    const { to, body } = Object.fromEntries(new FormData(form)) as { to: string; body: string }
    await element?.send({ to, body })
    form.reset()
  }

  // With a key of its own React moves the element when the list changes its order. Each render passes another object and
  // another function, which restarts nothing.
  const chat = shown && (
    <chat-session
      key={`chat ${mount}`}
      ref={setElement}
      app-id={site.appId}
      endpoint={site.endpoint}
      user-id={login?.user}
      token={login?.token}
      user={{ role: 'customer' }}
      {...(renews && { tokenFetcher: () => freshToken() })}
    />
  )

  return (
    <>
      <p>
        {login ? `Logged in as ${login.user}` : 'Not logged in'}
        <button onClick={() => void logIn('alice').then(setLogin)}>Alice</button>
        <button onClick={() => void logIn('bob').then(setLogin)}>Bob</button>
        <button onClick={() => void renew()}>New token</button>
        <button onClick={() => void leave()}>Log out</button>
      </p>
      <p>
        <output aria-label="State">{state}</output> <output aria-label="Unread">{unread}</output>
      </p>
      <ol aria-label="Messages">
        {messages.map(({ offset, from, body }) => (
          <li key={offset}>{`${from}: ${body}`}</li>
        ))}
      </ol>
      <form aria-label="Send" onSubmit={(event) => void send(event)}>
        <label>
          To <input name="to" required />
        </label>{' '}
        <label>
          Message <input name="body" required />
        </label>
        <button>Send</button>
      </form>
      <button onClick={() => element?.markRead(messages.at(-1)?.offset ?? 0)}>Mark as read</button>
      <fieldset>
        <legend>Rendering by React</legend>
        <button onClick={render}>Render</button> <output aria-label="Renders">{renders}</output>
        <button onClick={remount}>Mount again</button>
        <button onClick={() => setOrder(order.toReversed())}>Reorder</button>
        <label>
          <input type="checkbox" checked={shown} onChange={() => setShown(!shown)} /> On the page
        </label>
        <label>
          <input type="checkbox" checked={renews} onChange={() => setRenews(!renews)} /> Renews itself
        </label>
      </fieldset>
      {order.map((part) => (part === 'chat' ? chat : <p key={part}>Notes</p>))}
    </>
  )
}
