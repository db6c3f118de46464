import { css, html, LitElement, type TemplateResult } from 'lit'
import type { Condition } from './line.js'
import { look } from './styles.js'

export class ConditionEvent extends CustomEvent<Condition> {}

const words: Record<Condition, { label: string; hint: string }> = {
  up: { label: 'Online', hint: 'A line of its own to the gateway, which really is cut, slow or closed.' },
  slow: { label: 'Slow', hint: 'Everything takes a second longer, each way.' },
  away: { label: 'Away 5 s', hint: 'No connection comes to be for five seconds.' },
  down: { label: 'Offline', hint: 'No connection comes to be until it is online again.' },
}

/** What the network between one session and the gateway does. Tells by `condition` and `cut` what a person wants. */
export class LineControl extends LitElement {
  static override properties = { condition: { attribute: false }, connected: { type: Boolean } }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
      }
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
      }
      .choices {
        display: flex;
        padding: 3px;
        background: var(--well);
        border-radius: 12px;
      }
      .choices button {
        flex: 1 1 auto;
        padding-inline: 7px;
        color: var(--soft);
        background: none;
        border-color: transparent;
        white-space: nowrap;
      }
      .choices button:hover {
        color: var(--ink);
      }
      .choices [aria-pressed='true'] {
        color: var(--ink);
        background: var(--chosen);
        box-shadow: 0 1px 3px rgb(0 0 0 / 18%);
      }
      .choices .slow[aria-pressed='true'] {
        color: var(--busy);
      }
      .choices .away[aria-pressed='true'],
      .choices .down[aria-pressed='true'] {
        color: var(--bad);
      }
    `,
  ]

  declare condition: Condition
  /** There is a connection to cut. */
  declare connected: boolean

  #choice(condition: Condition): TemplateResult {
    return html`<button
      class=${condition}
      aria-pressed=${this.condition === condition}
      @click=${() => this.dispatchEvent(new ConditionEvent('condition', { detail: condition }))}
    >
      ${words[condition].label}
    </button>`
  }

  override render(): TemplateResult {
    return html`<header>
        <h3 id="title">Network</h3>
        <button
          class="small"
          ?disabled=${!this.connected}
          @click=${() => this.dispatchEvent(new Event('cut'))}
        >
          Cut
        </button>
      </header>
      <div class="choices" role="group" aria-labelledby="title" aria-describedby="hint">
        ${(Object.keys(words) as Condition[]).map((each) => this.#choice(each))}
      </div>
      <p class="hint" id="hint">${words[this.condition].hint}</p>`
  }
}
customElements.define('line-control', LineControl)
