import { html, nothing, type TemplateResult } from 'lit'

/** A value with its name, in a `<dl>`. Nothing if the value is null or empty. */
export const fact = (label: string, value: unknown): TemplateResult | typeof nothing =>
  value === null || value === ''
    ? nothing
    : html`<div>
        <dt>${label}</dt>
        <dd>${value}</dd>
      </div>`

/** A page of a list that may have several. */
interface ListPage {
  /** What the list has, such as `users`. */
  things: string
  isEmpty: boolean
  /** The cursor of this page, null for the first. */
  after: string | null
  /** The cursor of the next page, null if there is none. */
  next: string | null
}

/** The heading of a list. If the list has several pages, it has buttons to turn them. `open` is called with the cursor of a page. */
export const pagedHeading = (
  title: string,
  { things, isEmpty, after, next }: ListPage,
  open: (after: string | null) => unknown,
): TemplateResult => {
  const isFirst = after === null
  return html`<header class="row">
      <h2 id="all">${title}</h2>
      ${
        isFirst && next === null
          ? nothing
          : html`<div class="row">
              ${isFirst ? nothing : html`<button type="button" @click=${() => open(null)}>First page</button>`}
              <button type="button" ?disabled=${next === null} @click=${() => open(next)}>Next page</button>
            </div>`
      }
    </header>
    ${isEmpty ? html`<p class="hint">There are no ${isFirst ? '' : 'more '}${things}.</p>` : nothing}`
}

/** A list of limited height that the keyboard can scroll. Nothing if the list is empty. */
export const scrollingList = (label: string, items: unknown[]): TemplateResult | typeof nothing =>
  items.length === 0
    ? nothing
    : html`<div class="log" tabindex="0" role="group" aria-label=${label}>
        <ul>
          ${items.map((item) => html`<li>${item}</li>`)}
        </ul>
      </div>`
