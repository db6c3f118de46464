import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import { look } from './styles.js'
import type { Notified } from './panel-session.js'

/** Seconds in which a person can look away before the message comes that they asked for. */
export const LOOK_AWAY = 5

const answers: Record<string, string> = {
  'notifications-denied': 'The browser, or you, said no. Its settings for this page can change that.',
  'notifications-unsupported': 'This browser shows none here.',
}

const permissionWords: Record<NotificationPermission | 'none', string> = {
  granted: 'The browser lets this page show notifications.',
  denied: 'The browser does not let this page show notifications.',
  default: 'The browser has not been asked yet whether this page may show notifications.',
  none: 'This browser has no notifications.',
}

/**
 * Desktop notifications for messages that come while nobody looks. Tells by `wanted` and `stops` (detail: yes or no),
 * `ask` and `later` what a person wants.
 */
export class NotifyCard extends LitElement {
  static override properties = {
    on: { type: Boolean },
    stops: { type: Boolean },
    possible: { type: Boolean },
    from: { attribute: false },
    permission: { attribute: false },
    refusal: { attribute: false },
    notified: { attribute: false },
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 14px;
      }
      label {
        display: flex;
        align-items: center;
        gap: 10px;
        min-height: 44px;
        font-size: 0.875rem;
        font-weight: 500;
        color: var(--ink);
        cursor: pointer;
      }
      input {
        flex: none;
        width: 20px;
        height: 20px;
        min-height: 0;
        accent-color: var(--accent);
      }
      .step {
        display: grid;
        gap: 6px;
        justify-items: start;
      }
    `,
  ]

  /** The attribute is set. */
  declare on: boolean
  /** Each is stopped by `preventDefault()`. */
  declare stops: boolean
  /** There is an element. */
  declare possible: boolean
  /** Who writes when asked to. */
  declare from: string | null
  /** What the browser says, or `none` where it has no notifications. */
  declare permission: NotificationPermission | 'none'
  /** The code that `requestNotifications()` was refused with. */
  declare refusal: string | null
  declare notified: Notified | null

  #tell(name: string, detail?: boolean): void {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }

  #check(label: unknown, name: string, checked: boolean): TemplateResult {
    return html`<label
      ><input
        type="checkbox"
        name=${name}
        ?disabled=${!this.possible}
        .checked=${checked}
        @change=${({ target }: Event) => this.#tell(name, (target as HTMLInputElement).checked)}
      /><span>${label}</span></label
    >`
  }

  override render(): TemplateResult {
    const { notified, refusal, from } = this
    return html`<div class="step">
        ${this.#check(html`The <code>notifications</code> attribute is set`, 'wanted', this.on)}
        ${this.#check(html`Stop each, by <code>preventDefault()</code>`, 'stops', this.stops)}
      </div>
      <div class="step">
        <button id="ask" ?disabled=${!this.possible} @click=${() => this.#tell('ask')}>
          requestNotifications()
        </button>
        <p class="hint" id="permission" role="status">
          ${refusal ? html`<code>${refusal}</code> ${answers[refusal] ?? ''}` : permissionWords[this.permission]}
        </p>
      </div>
      <div class="step">
        <button id="later" ?disabled=${!this.possible || !from} @click=${() => this.#tell('later')}>
          Let ${from ?? 'somebody'} write in ${LOOK_AWAY} s
        </button>
        <p class="hint">Then look at another tab: nobody is notified of what they can see.</p>
      </div>
      ${
        notified
          ? html`<div class="box" id="notified">
              <p>
                <strong><code>session-notification</code></strong> ${notified.stopped ? 'stopped' : 'shown'}
              </p>
              <p><strong>${notified.title}</strong><br />${notified.body}</p>
            </div>`
          : nothing
      }`
  }
}
customElements.define('notify-card', NotifyCard)
