import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import { look } from './styles.js'
import { nobody, type Question, type View } from './panel-session.js'
import { stateSentences, wordsOf } from './error-help.js'

/** How often a countdown is drawn, in milliseconds. */
const TICK = 200

/** The state of the session, big and clear. Tells by `answer` (detail: signed out?) and `wake` what a person wants. */
export class LiveState extends LitElement {
  static override properties = {
    view: { attribute: false },
    question: { attribute: false },
    placed: { type: Boolean },
    made: { type: Boolean },
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
      }
      .state {
        display: grid;
        gap: 2px;
      }
      .word {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px;
      }
      .name {
        display: inline-flex;
        align-items: center;
        gap: 9px;
        font-size: 1.25rem;
        font-weight: 660;
        letter-spacing: -0.015em;
        line-height: 1.3;
      }
      .name::before {
        content: '';
        box-sizing: border-box;
        width: 0.7em;
        height: 0.7em;
        border-radius: 50%;
        border: 3px solid currentColor;
      }
      .active,
      .active::before {
        color: var(--good);
      }
      .active::before,
      .failed::before,
      .ended::before {
        background: currentColor;
      }
      .ended::before,
      .failed::before {
        border-radius: 3px;
      }
      .starting,
      .reconnecting {
        color: var(--busy);
      }
      .starting::before,
      .reconnecting::before {
        border-right-color: transparent;
        animation: turn 1s linear infinite;
      }
      .failed {
        color: var(--bad);
      }
      .idle,
      .ended {
        color: var(--soft);
      }
      @keyframes turn {
        to {
          rotate: 1turn;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .name::before {
          animation: none !important;
        }
      }
      .sentence {
        font-size: 0.875rem;
        line-height: 1.45;
        color: var(--soft);
      }
      dl,
      dl div {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 14px;
        align-items: baseline;
        min-width: 0;
      }
      dl div {
        gap: 6px;
      }
      dt,
      dd,
      dd code {
        font-size: 0.75rem;
        color: var(--soft);
      }
      dt {
        font-weight: 500;
      }
      dd {
        min-width: 0;
        overflow-wrap: anywhere;
      }
      #error {
        display: grid;
        gap: 6px;
      }
      .box {
        font-size: 0.875rem;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        align-items: center;
      }
      .tag {
        padding: 1px 8px;
        font-size: 0.75rem;
        font-weight: 600;
        color: var(--soft);
        border: 1px solid var(--edge);
        border-radius: 99px;
      }
      time {
        font-variant-numeric: tabular-nums;
        font-weight: 600;
      }
    `,
  ]

  declare view: View
  declare question: Question | null
  declare placed: boolean
  declare made: boolean
  #ticking: ReturnType<typeof setInterval> | undefined

  constructor() {
    super()
    this.view = nobody
    this.question = null
    this.placed = this.made = false
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearInterval(this.#ticking)
  }

  protected override updated(): void {
    clearInterval(this.#ticking)
    if (this.view.retryAt !== null) this.#ticking = setInterval(() => this.requestUpdate(), TICK)
  }

  #answer(signedOut: boolean): void {
    this.dispatchEvent(new CustomEvent('answer', { detail: signedOut }))
  }

  #countdown(retryAt: number): TemplateResult {
    const seconds = Math.max(0, retryAt - Date.now()) / 1000
    return html`<div class="row">
      <span>Next attempt in <time>${seconds.toFixed(1)} s</time></span>
      <button class="small" @click=${() => this.dispatchEvent(new Event('wake'))}>Try now</button>
    </div>`
  }

  #error(): TemplateResult | typeof nothing {
    const { error, state, retryAt } = this.view
    if (!error) return nothing
    const { code, sentence, said, advice } = wordsOf(error)
    return html`<div class="box ${state === 'failed' || state === 'ended' ? 'bad' : 'busy'}">
      <div id="error">
        <p>
          <strong><code>${code}</code></strong> ${sentence}
        </p>
        ${said ? html`<p class="hint">The gateway says: ${said}</p>` : nothing}
        ${advice ? html`<p><strong>What to do:</strong> ${advice}</p>` : nothing}
      </div>
      ${retryAt === null ? nothing : this.#countdown(retryAt)}
    </div>`
  }

  #question(): TemplateResult | typeof nothing {
    if (!this.question) return nothing
    return html`<div class="box busy" id="question">
      <p>
        <strong>The page is asked for a token</strong> (<code>session-token-needed</code>, reason
        <code>${this.question.reason}</code>).
      </p>
      <div class="row">
        <button class="main" @click=${() => this.#answer(false)}>Answer with a token</button>
        <button @click=${() => this.#answer(true)}>Answer null: signed out</button>
      </div>
    </div>`
  }

  override render(): TemplateResult {
    const { state, sessionId, user, guest } = this.view
    return html`<div class="state" role="status">
        <div class="word">
          <span class="name ${state}">${state}</span>
          ${guest ? html`<span class="tag">guest</span>` : nothing}
          ${this.made && !this.placed ? html`<span class="tag">element removed</span>` : nothing}
        </div>
        <span class="sentence">${stateSentences[state]}</span>
      </div>
      ${
        user
          ? html`<dl>
              <div>
                <dt>User</dt>
                <dd><code id="user">${user.id}</code>${user.name ? `, ${user.name}` : nothing}</dd>
              </div>
              <div>
                <dt>Session</dt>
                <dd><code id="session-id">${sessionId}</code></dd>
              </div>
            </dl>`
          : nothing
      }
      ${this.#question()} ${this.#error()}`
  }
}
customElements.define('live-state', LiveState)
