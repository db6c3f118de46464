import { css, html, LitElement, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Entry } from './activity-log.js'
import { look } from './styles.js'

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false,
})

const fromWords: Record<Entry['from'], string> = { event: 'event', backend: 'backend', you: 'you' }

/** What happened, newest first. The wish to clear it is told by `clear`. */
export class EventLog extends LitElement {
  static override properties = { entries: { attribute: false } }

  static override styles = [
    look,
    css`
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 12px;
        margin-bottom: 8px;
      }
      .list {
        max-height: 300px;
        overflow-y: auto;
        border-radius: 8px;
      }
      ol {
        list-style: none;
      }
      li + li {
        border-top: 1px solid var(--line);
      }
      summary,
      .plain {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: 0 12px;
        align-items: baseline;
        min-height: 44px;
        padding: 7px 8px 7px 24px;
        border-radius: 8px;
      }
      .what {
        grid-row: 2;
        grid-column: 1 / -1;
      }
      summary {
        position: relative;
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary::before {
        content: '';
        position: absolute;
        left: 7px;
        top: 13px;
        width: 6px;
        height: 6px;
        border: solid var(--soft);
        border-width: 0 2px 2px 0;
        rotate: -45deg;
      }
      details[open] > summary::before {
        rotate: 45deg;
      }
      summary:hover {
        background: var(--well);
      }
      time {
        font-family: var(--mono);
        font-size: 0.75rem;
        color: var(--soft);
        font-variant-numeric: tabular-nums;
      }
      .from {
        font-size: 0.75rem;
        font-weight: 600;
        color: var(--soft);
      }
      .from.event {
        color: var(--link);
      }
      .what {
        min-width: 0;
        overflow-wrap: anywhere;
        font-size: 0.9375rem;
      }
      .what code {
        font-weight: 600;
      }
      .what .words {
        color: var(--soft);
        font-size: 0.875rem;
      }
      pre {
        margin: 0 8px 12px 24px;
        padding: 12px;
        line-height: 1.5;
        background: var(--well);
        border-radius: 8px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
    `,
  ]

  declare entries: readonly Entry[]

  #entry({ time, from, name, summary, detail }: Entry): TemplateResult {
    const line = html`<time datetime=${new Date(time).toISOString()}>${clock.format(time)}</time>
      <span class="from ${from}">${fromWords[from]}</span>
      <span class="what"
        >${from === 'you' ? name : html`<code>${name}</code>`} <span class="words">${summary}</span></span
      >`
    if (!detail) return html`<div class="plain">${line}</div>`
    return html`<details>
      <summary>${line}</summary>
      <pre>${detail}</pre>
    </details>`
  }

  override render(): TemplateResult {
    return html`<header>
        <h3 id="title">Newest first</h3>
        <button
          class="small"
          ?disabled=${this.entries.length === 0}
          @click=${() => this.dispatchEvent(new Event('clear'))}
        >
          Clear
        </button>
      </header>
      ${
        this.entries.length
          ? html`<div class="list" role="group" aria-labelledby="title" tabindex="0">
              <ol reversed>
                ${repeat(
                  this.entries,
                  ({ id }) => id,
                  (entry) => html`<li>${this.#entry(entry)}</li>`,
                )}
              </ol>
            </div>`
          : html`<p class="hint">Nothing has happened yet.</p>`
      }`
  }
}
customElements.define('event-log', EventLog)
