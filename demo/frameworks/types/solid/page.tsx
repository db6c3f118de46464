import type {} from 'chat-session/solid'
import type { ChatSessionElement } from 'chat-session/element'
import type { ChatWindowElement } from 'chat-session/window/element'
import { createSignal } from 'solid-js'

const tokenFetcher = async (): Promise<string | null> => null

export const Chat = (props: { userId?: string; token?: string | null }) => {
  const [unread, setUnread] = createSignal(0)
  let chat: ChatSessionElement | undefined
  return (
    <chat-session
      ref={chat}
      id="chat"
      app-id="hF83jaq"
      user-id={props.userId}
      token={props.token}
      attr:token-url="/chat-token"
      attr:user-name="Ada"
      guest={!props.userId}
      bool:manual={true}
      prop:tokenFetcher={tokenFetcher}
      prop:authParams={{ ticket: 5 }}
      prop:user={{ name: 'Ada' }}
      on:session-started={({ detail, currentTarget }) => [
        detail.user.id.toUpperCase(),
        currentTarget.sessionId,
      ]}
      on:session-token-needed={(event) => event.respondWith(null)}
      on:session-unread={({ detail }) => setUnread(detail.unread)}
    >
      <p onClick={() => chat?.markRead(7)}>{unread()}</p>
      <chat-unread attr:app-id="hF83jaq" attr:max={9} attr:label="{n} unread messages" />
    </chat-session>
  )
}

export const wrong = [
  // @ts-expect-error an attribute is a text
  <chat-session app-id={{ id: 'hF83jaq' }} />,
  // @ts-expect-error so is one that is said to be an attribute
  <chat-session attr:token={5} />,
  // @ts-expect-error Solid would write guest="false", which is a guest
  <chat-session attr:guest={false} />,
  // @ts-expect-error a flag is there or not
  <chat-session bool:guest="yes" />,
  // @ts-expect-error Solid would set a property that the element doesn't have
  <chat-session user-name="Ada" />,
  // @ts-expect-error so it would here
  <chat-unread max={9} />,
  // @ts-expect-error and here, where the first app of the page would count
  <chat-unread app-id="hF83jaq" />,
  // @ts-expect-error Solid would set `appid`
  <chat-session appId="hF83jaq" />,
  // @ts-expect-error there is no such property
  <chat-session prop:apiKey="hF83jaq" />,
  // @ts-expect-error the state is for reading
  <chat-session prop:state="active" />,
  // @ts-expect-error it answers a token
  <chat-session prop:tokenFetcher={() => 5} />,
  // @ts-expect-error there is nothing like it in its detail
  <chat-session on:session-started={({ detail }) => detail.token} />,
  // @ts-expect-error this event is of another kind
  <chat-session on:session-token-needed={(event: CustomEvent) => event.detail} />,
]

export const Window = (props: { peer?: string }) => {
  let chatWindow: ChatWindowElement | undefined
  return (
    <chat-window
      ref={chatWindow}
      for="chat"
      peer={props.peer}
      bool:launcher={!props.peer}
      attr:send-key="ctrl-enter"
      prop:texts={{ input: 'Ask Nora' }}
      prop:renderMessage={({ data }) => (data ? document.createElement('i') : undefined)}
      on:chat-window-open={({ detail, currentTarget }) => [detail.peer?.length, currentTarget.close()]}
    >
      <p slot="empty" onClick={() => chatWindow?.show('nora', { name: 'Nora Lind' })}>
        Ask Nora.
      </p>
    </chat-window>
  )
}

export const wrongWindows = [
  // @ts-expect-error a flag is there or not
  <chat-window bool:launcher="yes" />,
  // @ts-expect-error there is no such key
  <chat-window send-key="tab" />,
  // @ts-expect-error a message is drawn by a node
  <chat-window prop:renderMessage={() => '<b>Hello</b>'} />,
  // @ts-expect-error a link has no peer
  <chat-window on:chat-window-link={({ detail }) => detail.peer} />,
]
