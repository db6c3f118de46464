import { html, nothing, type TemplateResult } from 'lit'
import type { SessionSummary } from '../../protocol/internal.js'
import { relativeTime } from './format.js'
import { fact } from './parts.js'
import { stateText, wayText } from './words.js'

/** A session in a list, with buttons. `title` is its heading. */
export const sessionRow = (
  session: SessionSummary,
  title: unknown,
  buttons: unknown = nothing,
  hasEnded = false,
): TemplateResult => {
  const { state, way, tokenId, expiresAt, client, origin, address, startedAt, lastSeenAt, rtt } = session
  return html`<div class="row">
      <span class="state ${hasEnded ? '' : state}">${hasEnded ? 'ended' : stateText(session)}</span>
      <strong>${title}</strong>
      ${buttons}
    </div>
    <dl class="meta">
      ${fact('Started', relativeTime(startedAt))} ${fact('Last seen', relativeTime(lastSeenAt))}
      ${fact('Log-in', wayText(way))} ${fact('Token id', tokenId)}
      ${fact('Credentials expire', expiresAt === null ? 'never' : relativeTime(expiresAt))}
      ${fact('Client', client)} ${fact('Page', origin)} ${fact('Address', address)}
      ${fact('Round trip', rtt === null ? null : `${rtt} ms`)}
    </dl>`
}
