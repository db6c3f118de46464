import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { readSite } from '../common/site.ts'
import { Chat } from '../dist/documented/react/Chat.tsx'

const { user, token } = readSite()
const place = document.querySelector('#app')
if (place && user && token)
  createRoot(place).render(
    <StrictMode>
      <Chat userId={user} token={token} peer="bob" />
    </StrictMode>,
  )
