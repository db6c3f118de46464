import { html, nothing, type TemplateResult } from 'lit'
import type { Finding, TokenCheck } from '../../../protocol/internal.js'
import { scrollingList } from '../parts.js'
import { Page } from './page.js'

const LEVELS: Readonly<Record<Finding['level'], string>> = { ok: 'good', warn: 'careful', fail: 'wrong' }

const verdict = ({ findings, appId, userId }: TokenCheck): string => {
  if (findings.some(({ level }) => level === 'fail')) return 'The token is refused.'
  return userId === null
    ? `The token is good. It is for the backend of ${appId}.`
    : `The token is good. Its user is ${userId} of ${appId}.`
}

/** The page that shows for each part of a token whether the gateway accepts it. */
export class TokenPage extends Page {
  #check: TokenCheck | null = null
  /** The token that was sent last. */
  #sent: string | undefined

  protected load(): void {
    // The page requests nothing before the operator enters a token.
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const token = this.querySelector('textarea')?.value.trim()
    this.#sent = token
    // If the request fails, the verdict of an earlier token must not stand beside this token.
    this.#check = null
    this.requestUpdate()
    await this.attempt(async () => {
      const check = await this.client.change<TokenCheck>('POST', '/check-token', { token })
      // The operator may have sent another token meanwhile, and must not take this verdict for that of the other token.
      if (token === this.#sent) this.#check = check
    })
  }

  #result(check: TokenCheck): TemplateResult {
    return html`<section>
      <h2>${verdict(check)}</h2>
      ${scrollingList(
        'Parts of the token',
        check.findings.map(
          ({ level, part, text }) =>
            html`<span class="state ${level}">${LEVELS[level]}</span> <code>${part}</code>
              <span>${text}</span>`,
        ),
      )}
    </section>`
  }

  protected body(): TemplateResult {
    return html`<h1 tabindex="-1">Token checker</h1>
      <form @submit=${this.#submit}>
        <label for="token">Token</label>
        <textarea
          id="token"
          rows="5"
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
          required
          aria-describedby="token-hint"
        ></textarea>
        <p class="hint" id="token-hint">The gateway checks it, and keeps it nowhere.</p>
        <div class="row">
          ${
            this.mayChange
              ? html`<button class="main">Check</button>`
              : html`<span class="hint"
                  >Your token may only read. To check tokens, log in with the admin token.</span
                >`
          }
        </div>
      </form>
      <div role="status">${this.#check ? this.#result(this.#check) : nothing}</div>`
  }
}

customElements.define('token-page', TokenPage)
