import { StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { readSite } from '../common/site.ts'
import { App } from './app.tsx'

const place = document.querySelector('#app')
if (place)
  hydrateRoot(
    place,
    <StrictMode>
      <App site={readSite()} />
    </StrictMode>,
  )
