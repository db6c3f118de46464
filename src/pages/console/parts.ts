import { html, nothing, type TemplateResult } from 'lit'

/** A value with its name, in a `<dl>`. Nothing if the value is null or empty. */
export const fact = (label: string, value: unknown): TemplateResult | typeof nothing =>
  value === null || value === ''
    ? nothing
    : html`<div>
        <dt>${label}</dt>
        <dd>${value}</dd>
      </div>`

/** The heading of a list with several pages, with buttons to turn the pages. `open` is called with the cursor of a page. */
export const pagedHeading = (
  title: string,
  { isEmpty, next }: { isEmpty: boolean; next: string | null },
  open: (after: string | null) => unknown,
): TemplateResult =>
  html`<header class="row">
      <h2 id="all" class="grow">${title}</h2>
      <div class="row">
        <button type="button" @click=${() => open(null)}>First page</button>
        <button type="button" ?disabled=${next === null} @click=${() => open(next)}>Next page</button>
      </div>
    </header>
    ${isEmpty ? html`<p class="hint">There are none on this page.</p>` : nothing}`

/** A list of limited height that the keyboard can scroll. Nothing if the list is empty. */
export const scrollingList = (label: string, items: unknown[]): TemplateResult | typeof nothing =>
  items.length === 0
    ? nothing
    : html`<div class="log" tabindex="0" role="group" aria-label=${label}>
        <ul>
          ${items.map((item) => html`<li>${item}</li>`)}
        </ul>
      </div>`
