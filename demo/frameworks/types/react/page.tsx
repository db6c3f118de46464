import type {} from 'chat-session/react'
import type { ChatSessionElement } from 'chat-session/element'
import type { ChatWindowElement } from 'chat-session/window/element'
import { useRef } from 'react'

const tokenFetcher = async (): Promise<string | null> => null

export const Chat = ({ userId, token }: { userId?: string; token?: string | null }) => {
  const chat = useRef<ChatSessionElement>(null)
  return (
    <chat-session
      ref={chat}
      id="chat"
      key={userId}
      app-id="hF83jaq"
      user-id={userId}
      token={token}
      token-url="/chat-token"
      user-name="Ada"
      user-photo-url={null}
      guest={!userId}
      manual
      tokenFetcher={tokenFetcher}
      authParams={{ ticket: 5 }}
      user={{ name: 'Ada' }}
      onsession-started={({ detail, currentTarget }) => [
        detail.user.id.toUpperCase(),
        currentTarget.sessionId,
      ]}
      onsession-token-needed={(event) => event.respondWith(null)}
      onsession-message={({ detail }) => detail.message.offset.toFixed()}
    >
      <p onClick={() => chat.current?.markRead(7)}>{chat.current?.unread}</p>
    </chat-session>
  )
}

export const properties = (
  <chat-session appId="hF83jaq" userId={12345} tokenUrl={new URL('https://www.example.com')} />
)

export const wrong = [
  // @ts-expect-error an attribute is a text
  <chat-session app-id={{ id: 'hF83jaq' }} />,
  // @ts-expect-error a flag is there or not
  <chat-session guest="yes" />,
  // @ts-expect-error the profile's attributes are texts
  <chat-session user-name={5} />,
  // @ts-expect-error there is no such property
  <chat-session apiKey="hF83jaq" />,
  // @ts-expect-error the state is for reading
  <chat-session state="active" />,
  // @ts-expect-error a method is for calling
  <chat-session markRead={() => undefined} />,
  // @ts-expect-error it answers a token
  <chat-session tokenFetcher={() => 5} />,
  // @ts-expect-error a profile's name is a text
  <chat-session user={{ name: 5 }} />,
  // @ts-expect-error there is nothing like it in its detail
  <chat-session onsession-started={({ detail }) => detail.token} />,
  // @ts-expect-error this event is of another kind
  <chat-session onsession-token-needed={(event: CustomEvent) => event.detail} />,
]

export const Window = ({ peer }: { peer?: string }) => {
  const chatWindow = useRef<ChatWindowElement>(null)
  return (
    <chat-window
      ref={chatWindow}
      for="chat"
      peer={peer}
      launcher={!peer}
      send-key="ctrl-enter"
      lang="fr"
      texts={{ input: 'Ask Nora' }}
      renderMessage={({ data }) => (data ? document.createElement('i') : undefined)}
      onchat-window-open={({ detail, currentTarget }) => [detail.peer?.length, currentTarget.close()]}
      onchat-window-link={({ detail }) => detail.url.length}
    >
      <p slot="empty" onClick={() => chatWindow.current?.show('nora', { name: 'Nora Lind' })}>
        Ask Nora.
      </p>
    </chat-window>
  )
}

export const wrongWindows = [
  // @ts-expect-error a flag is there or not
  <chat-window launcher="yes" />,
  // @ts-expect-error there is no such key
  <chat-window send-key="tab" />,
  // @ts-expect-error a message is drawn by a node
  <chat-window renderMessage={() => '<b>Hello</b>'} />,
  // @ts-expect-error a link has no peer
  <chat-window onchat-window-link={({ detail }) => detail.peer} />,
]
