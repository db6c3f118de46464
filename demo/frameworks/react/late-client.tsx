import 'chat-session/define'
import { createRoot } from 'react-dom/client'
import { readSite } from '../common/site.ts'

const place = document.querySelector('#app')
const { appId, endpoint, user, token } = readSite()

const states = (): string[] => (window as { states?: string[] }).states ?? []

// The same tag in two spellings. React sets a property if the element has it, else an attribute. An element that is
// registered later has no properties yet.
if (place)
  createRoot(place).render(
    <>
      <chat-session
        id="attributes"
        app-id={appId}
        endpoint={endpoint}
        user-id={user ?? undefined}
        token={token}
      />
      <chat-session
        id="properties"
        appId={appId}
        endpoint={endpoint}
        userId={user}
        token={token}
        onsession-state={({ detail }) => Object.assign(window, { states: [...states(), detail.state] })}
      />
    </>,
  )
