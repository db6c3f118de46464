import { html, nothing, type TemplateResult } from 'lit'

/** A value with its name, in a `<dl>`. Nothing if the value is null or empty. */
export const fact = (label: string, value: unknown): TemplateResult | typeof nothing =>
  value === null || value === ''
    ? nothing
    : html`<div>
        <dt>${label}</dt>
        <dd>${value}</dd>
      </div>`

/** A list of limited height that the keyboard can scroll. Nothing if the list is empty. */
export const scrollingList = (label: string, items: unknown[]): TemplateResult | typeof nothing =>
  items.length === 0
    ? nothing
    : html`<div class="log" tabindex="0" role="group" aria-label=${label}>
        <ul>
          ${items.map((item) => html`<li>${item}</li>`)}
        </ul>
      </div>`
