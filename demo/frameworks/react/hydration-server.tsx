import { StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import type { Site } from '../common/site.ts'
import { Hydration } from './hydration.tsx'

export const render = (site: Site): string =>
  renderToString(
    <StrictMode>
      <Hydration site={site} />
    </StrictMode>,
  )
