import { html, nothing, type TemplateResult } from 'lit'
import { helpFor, stateDescriptions } from '../error-help.js'
import type { Panel } from './panel.js'

type View = TemplateResult | typeof nothing

const transports = { websocket: 'by WebSocket', stream: 'by an event stream' } as const

const user = ({ session }: Panel): View => {
  const { user, sessionId, transport } = session.view
  if (!user) return nothing
  return html`<p class="hint">
    User <code id="user">${user.id}</code>${user.name ? `, ${user.name}` : nothing}<br />
    Session <code id="session-id">${sessionId}</code>${transport ? html`, ${transports[transport]}` : nothing}
  </p>`
}

const tokenRequest = ({ session, attempt }: Panel): View => {
  if (!session.tokenRequest) return nothing
  return html`<div class="box starting" id="question">
    <p>
      <strong>The element asks the page for a token</strong> (<code>session-token-needed</code>, reason
      <code>${session.tokenRequest.reason}</code>).
    </p>
    <div class="row">
      <button class="main" @click=${() => attempt(() => session.respond(false))}>Answer with a token</button>
      <button @click=${() => attempt(() => session.respond(true))}>Answer null: signed out</button>
    </div>
  </div>`
}

const error = ({ session }: Panel): View => {
  const { error, state, retryAt } = session.view
  if (!error) return nothing
  const { explanation, message, advice } = helpFor(error)
  return html`<div class="box ${state === 'ended' ? 'failed' : state}">
    <div id="error">
      <p>
        <strong><code>${error.code}</code></strong> ${explanation}
      </p>
      ${message ? html`<p class="hint">The gateway says: ${message}</p>` : nothing}
      ${advice ? html`<p><strong>What to do:</strong> ${advice}</p>` : nothing}
    </div>
    ${
      retryAt === null
        ? nothing
        : html`<div class="row">
            <span
              >Next attempt in <time>${(Math.max(0, retryAt - Date.now()) / 1000).toFixed(1)} s</time></span
            >
            <button class="small" @click=${() => dispatchEvent(new Event('online'))}>Try now</button>
          </div>`
    }
  </div>`
}

/** The session's state, user and error, and the token request that it waits for. */
export const stateView = (panel: Panel): TemplateResult => {
  const { state, guest, isRemoved } = panel.session.view
  return html`<section class="state">
    <div role="status">
      <div class="row">
        <span class="name ${state}">${state}</span>
        ${guest ? html`<span class="count tag">guest</span>` : nothing}
        ${isRemoved ? html`<span class="count tag">element removed</span>` : nothing}
      </div>
      <span class="hint">${stateDescriptions[state]}</span>
    </div>
    ${user(panel)} ${tokenRequest(panel)} ${error(panel)}
  </section>`
}
