import { html, nothing, type TemplateResult } from 'lit'
import type { Page } from './pages/page.js'

/** A list that the API returns in pages, of which one is shown. */
export class PagedList<List extends { next: string | null }> {
  /** The page that is shown; null until the first one has come. */
  shown: List | null = null
  readonly #page: Page
  readonly #path: () => string
  /** The cursor of the page that was opened last; null for the first. */
  #after: string | null = null

  constructor(page: Page, path: () => string) {
    this.#page = page
    this.#path = path
  }

  async load(): Promise<void> {
    const after = this.#after
    const query = after === null ? '' : `?after=${encodeURIComponent(after)}`
    const list = await this.#page.client.get<List>(this.#path() + query, this.#page.signal)
    // The operator may have opened another page meanwhile.
    if (after === this.#after) this.shown = list
  }

  #open(after: string | null): void {
    this.#after = after
    this.#page.requestUpdate()
    void this.#page.attempt(() => this.load())
  }

  /** The heading, with buttons if there are several pages. `things` are what the list has, such as `users`. */
  heading(title: string, things: string, entries: readonly unknown[] | undefined): TemplateResult {
    const isFirst = this.#after === null
    const next = this.shown?.next ?? null
    return html`<header class="row">
        <h2 id="all">${title}</h2>
        ${
          isFirst && next === null
            ? nothing
            : html`<div class="row">
                ${isFirst ? nothing : html`<button type="button" @click=${() => this.#open(null)}>First page</button>`}
                <button type="button" ?disabled=${next === null} @click=${() => this.#open(next)}>
                  Next page
                </button>
              </div>`
        }
      </header>
      ${entries?.length === 0 ? html`<p class="hint">There are no ${isFirst ? '' : 'more '}${things}.</p>` : nothing}`
  }
}
