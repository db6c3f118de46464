import { StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { readSite } from '../common/site.ts'
import { Hydration } from './hydration.tsx'

const place = document.querySelector('#app')
if (place)
  hydrateRoot(
    place,
    <StrictMode>
      <Hydration site={readSite()} />
    </StrictMode>,
  )
