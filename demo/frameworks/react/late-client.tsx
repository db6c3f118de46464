import 'chat-session/define'
import { createRoot } from 'react-dom/client'
import { readSite } from '../common/site.ts'

const place = document.querySelector('#app')
const { appId, endpoint, user, token } = readSite()

const told = (): string[] => (window as { told?: string[] }).told ?? []

// Twice the same: React sets properties that the element has as it renders, and attributes otherwise. In front of an element
// that is registered later it knows of none.
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
        onsession-state={({ detail }) => Object.assign(window, { told: [...told(), detail.state] })}
      />
    </>,
  )
