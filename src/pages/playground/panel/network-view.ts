import { html, type TemplateResult } from 'lit'
import { segments } from '../controls.js'
import { conditions } from './network-link.js'
import type { Panel } from './panel.js'

/** The network between one session and the gateway. */
export const networkView = ({ session, attempt }: Panel): TemplateResult =>
  html`<section class="network">
    <header>
      <h3 id="network">Network</h3>
      <button
        class="small"
        ?disabled=${session.view.state !== 'active'}
        @click=${() => attempt(() => session.link.cut())}
      >
        Cut
      </button>
    </header>
    ${segments('network', conditions, session.link.condition, (condition) =>
      attempt(() => session.link.set(condition)),
    )}
  </section>`
