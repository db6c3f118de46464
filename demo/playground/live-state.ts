import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import { look } from './look.js'
import { nobody, type Question, type View } from './stage.js'
import { stateSentences, wordsOf } from './words.js'

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
      .card {
        display: grid;
        gap: 16px;
      }
      .state {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 4px 14px;
      }
      .name {
        display: inline-flex;
        align-items: center;
        gap: 12px;
        font-size: clamp(1.75rem, 1.3rem + 1.6vw, 2.375rem);
        font-weight: 680;
        letter-spacing: -0.025em;
        line-height: 1.15;
      }
      .name::before {
        content: '';
        width: 0.5em;
        height: 0.5em;
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
        line-height: 1.5;
      }
      dl {
        display: grid;
        grid-template-columns: minmax(80px, max-content) 1fr;
        gap: 6px 16px;
        align-items: baseline;
      }
      dd {
        min-width: 0;
        overflow-wrap: anywhere;
      }
      .box {
        display: grid;
        gap: 8px;
        padding: 14px 16px;
        line-height: 1.5;
        background: var(--well);
        border-left: 4px solid var(--edge);
        border-radius: 10px;
        overflow-wrap: anywhere;
      }
      .box.bad {
        border-left-color: var(--bad);
      }
      .box.busy {
        border-left-color: var(--busy);
      }
      .box strong code {
        font-size: 0.9375rem;
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
    return html`<div class="box busy">
      <div class="row">
        <span>Next attempt in <time>${seconds.toFixed(1)} s</time></span>
        <button @click=${() => this.dispatchEvent(new Event('wake'))}>Try now</button>
      </div>
    </div>`
  }

  #error(): TemplateResult | typeof nothing {
    const { error, state } = this.view
    if (!error) return nothing
    const { code, sentence, said, advice } = wordsOf(error)
    return html`<div class="box ${state === 'failed' || state === 'ended' ? 'bad' : 'busy'}" id="error">
      <strong><code>${code}</code></strong>
      <p>${sentence}</p>
      ${said ? html`<p class="hint">The gateway says: ${said}</p>` : nothing}
      ${advice ? html`<p><strong>What to do:</strong> ${advice}</p>` : nothing}
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
    const { state, sessionId, user, guest, retryAt } = this.view
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">Session</h2>
      <div class="state" role="status">
        <span class="name ${state}">${state}</span>
        <span class="sentence">${stateSentences[state]}</span>
        ${this.made && !this.placed ? html`<span class="tag">element removed</span>` : nothing}
      </div>
      ${this.#question()} ${this.#error()} ${retryAt === null ? nothing : this.#countdown(retryAt)}
      <dl>
        <dt>Session id</dt>
        <dd>${sessionId ? html`<code id="session-id">${sessionId}</code>` : '–'}</dd>
        <dt>User</dt>
        <dd>
          ${
            user
              ? html`<code id="user">${user.id}</code> ${user.name ?? ''}
                  ${guest ? html`<span class="tag">guest</span>` : nothing}`
              : '–'
          }
        </dd>
      </dl>
    </section>`
  }
}
customElements.define('live-state', LiveState)
