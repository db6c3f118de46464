import { css, html, LitElement, type TemplateResult } from 'lit'
import { look } from './styles.js'

export const actions = [
  'start',
  'end',
  'remove',
  'putBack',
  'move',
  'changeUser',
  'renew',
  'signOut',
] as const
export type Action = (typeof actions)[number]

/** What is possible now. */
export type Possible = Record<Action, boolean>

const groups: readonly [string, readonly Action[]][] = [
  ['Methods', ['start', 'end']],
  ['In the document', ['remove', 'putBack', 'move']],
  ['User and token', ['changeUser', 'renew', 'signOut']],
]

/** Buttons for what can be done to a session; a press is told by an `action` event. */
export class ActionBar extends LitElement {
  static override properties = { possible: { attribute: false } }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
      }
      .groups {
        display: grid;
        gap: 16px;
      }
      .group {
        display: grid;
        gap: 8px;
        align-content: start;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      .places {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 8px;
      }
      .place {
        display: grid;
        gap: 6px;
        min-width: 0;
        min-height: 74px;
        padding: 10px 12px;
        align-content: start;
        border: 1px dashed var(--edge);
        border-radius: 10px;
      }
    `,
  ]

  declare possible: Possible

  #label(action: Action): string {
    const labels: Record<Action, string> = {
      start: 'start()',
      end: 'end()',
      remove: 'Remove it',
      putBack: 'Put it back',
      move: 'Move it',
      changeUser: 'Change user',
      renew: 'Renew token now',
      signOut: 'Log out of the source',
    }
    return labels[action]
  }

  #button(action: Action): TemplateResult {
    return html`<button
      id=${action}
      ?disabled=${!this.possible[action]}
      @click=${() => this.dispatchEvent(new CustomEvent<Action>('action', { detail: action }))}
    >
      ${this.#label(action)}
    </button>`
  }

  override render(): TemplateResult {
    return html`<div class="groups">
        ${groups.map(
          ([name, members], index) =>
            html`<div class="group" role="group" aria-labelledby="group-${index}">
              <h3 id="group-${index}">${name}</h3>
              <div class="row">${members.map((action) => this.#button(action))}</div>
            </div>`,
        )}
      </div>
      <div class="places">
        <div class="place"><span class="hint">One place</span><slot name="first"></slot></div>
        <div class="place"><span class="hint">Another place</span><slot name="second"></slot></div>
      </div>`
  }
}
customElements.define('action-bar', ActionBar)
