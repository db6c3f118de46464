import { html, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Entry } from '../activity-log.js'
import type { Panel } from '../panel/panel.js'

const timeFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false,
})

const row = ({ time, from, name, summary, detail }: Entry): TemplateResult => {
  const line = html`<time datetime=${new Date(time).toISOString()}>${timeFormat.format(time)}</time>
    <span class="from ${from}">${from}</span>
    <div>${from === 'you' ? name : html`<code>${name}</code>`} <span class="hint">${summary}</span></div>`
  if (!detail) return html`<div class="entry">${line}</div>`
  return html`<details>
    <summary class="entry">${line}</summary>
    <pre class="well"><code>${detail}</code></pre>
  </details>`
}

/** The activity log, newest first. */
export const eventsTab = ({ log }: Panel): TemplateResult =>
  html`<section class="log">
    <header>
      <h3 id="newest-first">Newest first</h3>
      <button class="small" ?disabled=${log.entries.length === 0} @click=${() => log.clear()}>Clear</button>
    </header>
    ${
      log.entries.length
        ? html`<div class="list" role="group" aria-labelledby="newest-first" tabindex="0">
            <ol reversed>
              ${repeat(
                log.entries,
                ({ id }) => id,
                (entry) => html`<li>${row(entry)}</li>`,
              )}
            </ol>
          </div>`
        : html`<p class="hint">Nothing has happened yet.</p>`
    }
  </section>`
