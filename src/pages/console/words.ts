import { html, nothing, type TemplateResult } from 'lit'
import { errorMessages } from '../../protocol/index.js'
import type { SessionChange, SessionSummary } from '../../protocol/internal.js'

const REASONS = { left: 'The page was left.', lost: 'The network failed, or the client closed it.' }

const reasonOf = (code: SessionChange['code']): TemplateResult | typeof nothing => {
  if (code === null) return nothing
  if (code === 'left' || code === 'lost') return html`<span class="hint">${REASONS[code]}</span>`
  return html`<code>${code}</code> <span class="hint">${errorMessages[code]}</span>`
}

const VERBS: Readonly<Record<SessionChange['type'], string>> = {
  started: 'started',
  resumed: 'reconnected',
  disconnected: 'lost the connection',
  ended: 'ended',
}

/** Returns what happened to a session, and why. */
export const changeText = ({ type, code }: SessionChange): TemplateResult =>
  html`<span class="state ${type}">${VERBS[type]}</span> ${reasonOf(code)}`

export const stateText = ({ state, hidden }: SessionSummary): string =>
  state === 'detached' ? 'disconnected' : hidden ? 'active, page hidden' : 'active'

export const wayText = (way: SessionSummary['way']): string => (way === 'authParams' ? 'auth params' : way)
