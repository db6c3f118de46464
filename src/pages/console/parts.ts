import { html, nothing, type TemplateResult } from 'lit'

/** A value with its name, in a `<dl>`. Nothing if the value is null or empty. */
export const fact = (label: string, value: unknown): TemplateResult | typeof nothing =>
  value === null || value === ''
    ? nothing
    : html`<div>
        <dt>${label}</dt>
        <dd>${value}</dd>
      </div>`

/** A list of limited height that the keyboard can scroll. If it is empty, the sentence `none`. */
export const scrollingList = (label: string, items: unknown[], none?: string): unknown =>
  items.length === 0
    ? none && html`<p class="hint">${none}</p>`
    : html`<div class="log" tabindex="0" role="group" aria-label=${label}>
        <ul>
          ${items.map((item) => html`<li>${item}</li>`)}
        </ul>
      </div>`
