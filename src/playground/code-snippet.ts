import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { Choice } from './settings.js'
import { look } from './styles.js'
import { htmlOf, javascriptOf, placeholders, reactOf, serverOf } from './snippets.js'

const tabs = [
  ['HTML', htmlOf],
  ['JavaScript', javascriptOf],
  ['React', reactOf],
] as const

const secrets = new RegExp(`(${Object.values(placeholders).join('|')})`)

/** The code for what is chosen, to copy. */
export class CodeSnippet extends LitElement {
  static override properties = {
    choice: { attribute: false },
    tab: { state: true },
    said: { state: true },
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 14px;
      }
      [role='tablist'] {
        display: flex;
        gap: 4px;
        border-bottom: 1px solid var(--line);
      }
      [role='tab'] {
        background: none;
        border: 0;
        border-bottom: 2px solid transparent;
        border-radius: 8px 8px 0 0;
        color: var(--soft);
      }
      [role='tab'][aria-selected='true'] {
        color: var(--ink);
        border-bottom-color: var(--accent);
      }
      .code {
        padding: 14px;
        overflow-x: auto;
        line-height: 1.6;
        background: var(--well);
        border-radius: 10px;
      }
      mark {
        color: inherit;
        background: var(--mark);
        border-radius: 4px;
        padding: 1px 3px;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 12px;
      }
      .server {
        display: grid;
        gap: 8px;
      }
    `,
  ]

  declare choice: Choice
  declare tab: number
  declare said: string

  constructor() {
    super()
    this.tab = 0
    this.said = ''
  }

  get #code(): string {
    return (tabs[this.tab] ?? tabs[0])[1](this.choice, location.origin)
  }

  #choose(tab: number): void {
    this.tab = (tab + tabs.length) % tabs.length
    this.said = ''
  }

  async #key(event: KeyboardEvent): Promise<void> {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    this.#choose(this.tab + step)
    await this.updateComplete
    this.renderRoot.querySelector<HTMLElement>('[aria-selected="true"]')?.focus()
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#code)
      this.said = 'Copied.'
    } catch {
      // There is no clipboard without a secure context, or without leave: the rest is the person's to do.
      const code = this.renderRoot.querySelector('#code')
      if (code) getSelection()?.selectAllChildren(code)
      this.said = 'The browser doesn’t allow it: the code is selected, copy it by keyboard.'
    }
  }

  override render(): TemplateResult {
    const server = serverOf(this.choice)
    const parts = this.#code.split(secrets)
    return html`<div
        role="tablist"
        aria-label="Language"
        @keydown=${(event: KeyboardEvent) => this.#key(event)}
      >
        ${tabs.map(
          ([name], index) =>
            html`<button
              role="tab"
              id="tab-${index}"
              aria-selected=${index === this.tab}
              aria-controls="panel"
              tabindex=${index === this.tab ? 0 : -1}
              @click=${() => this.#choose(index)}
            >
              ${name}
            </button>`,
        )}
      </div>
      <div class="code" id="panel" role="tabpanel" aria-labelledby="tab-${this.tab}" tabindex="0">
        <pre><code id="code">${parts.map((part) => (secrets.test(part) ? html`<mark>${part}</mark>` : part))}</code></pre>
      </div>
      <div class="row">
        <button id="copy" @click=${() => this.#copy()}>Copy</button>
        <span class="hint" role="status">${this.said}</span>
      </div>
      ${
        server
          ? html`<div class="server">
              <p class="hint">${server.what}:</p>
              <div class="code" role="group" aria-label="On your server" tabindex="0">
                <pre><code id="server">${server.code}</code></pre>
              </div>
            </div>`
          : nothing
      }`
  }
}
customElements.define('code-snippet', CodeSnippet)
