import { StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import type { Site } from '../common/site.ts'
import { App } from './app.tsx'

export const render = (site: Site): string =>
  renderToString(
    <StrictMode>
      <App site={site} />
    </StrictMode>,
  )
