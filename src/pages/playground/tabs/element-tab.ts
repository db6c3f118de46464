import { html, type TemplateResult } from 'lit'
import type { PanelSession } from '../panel/panel-session.js'
import type { Panel } from '../panel/panel.js'

interface Action {
  label: string
  /** The action is possible while this property of `PanelSession.view` is true. */
  condition: 'isInPage' | 'isRemoved' | 'isLive' | 'canStart' | 'canRefresh' | 'canSignOut'
  run: (session: PanelSession, panel: Panel) => unknown
}

const groups: Record<string, Action[]> = {
  Methods: [
    // The action does not wait for `start()`, so that the panel stays usable. The state shows the result.
    { label: 'start()', condition: 'canStart', run: (session) => void session.start() },
    { label: 'end()', condition: 'isLive', run: (session) => session.end() },
  ],
  'In the document': [
    { label: 'Remove it', condition: 'isInPage', run: (session) => session.remove() },
    { label: 'Put it back', condition: 'isRemoved', run: (session) => session.putBack() },
    { label: 'Move it', condition: 'isInPage', run: (session) => session.move() },
  ],
  'User and token': [
    { label: 'Change user', condition: 'isInPage', run: (_, panel) => panel.changeUser() },
    { label: 'Renew token now', condition: 'canRefresh', run: (session) => session.refreshToken() },
    { label: 'Log out of the source', condition: 'canSignOut', run: (session) => session.signOut() },
  ],
}

const button = (panel: Panel, { label, condition, run }: Action): TemplateResult =>
  html`<button
    ?disabled=${!panel.session.view[condition]}
    @click=${() => panel.attempt(() => run(panel.session, panel))}
  >
    ${label}
  </button>`

/** The actions on the element, and the places in the page where it can be. */
export const elementTab = (panel: Panel): TemplateResult =>
  html`${Object.entries(groups).map(
      ([name, actions], index) =>
        html`<div class="field" role="group" aria-labelledby="group-${index}">
          <h3 id="group-${index}">${name}</h3>
          <div class="row">${actions.map((action) => button(panel, action))}</div>
        </div>`,
    )}
    <div class="pair">
      <div class="place"><span class="hint">One place</span><slot name="first"></slot></div>
      <div class="place"><span class="hint">Another place</span><slot name="second"></slot></div>
    </div>`
