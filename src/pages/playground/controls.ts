import { html, type TemplateResult } from 'lit'
import { entriesOf, type Choice } from './settings.js'

/** Tabs for the panel with the id `panel`. The arrow keys move through them. */
export const tabList = <Name extends string>(
  label: string,
  panel: string,
  names: readonly Name[],
  selected: Name,
  select: (name: Name) => void,
): TemplateResult => {
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const next = step && names.at((names.indexOf(selected) + step) % names.length)
    if (!next) return
    event.preventDefault()
    select(next)
    const list = event.currentTarget as HTMLElement
    list.querySelector<HTMLElement>(`#tab-${next}`)?.focus()
  }
  return html`<div role="tablist" aria-label=${label} @keydown=${onKey}>
    ${names.map(
      (name) =>
        html`<button
          type="button"
          role="tab"
          id="tab-${name}"
          aria-selected=${name === selected}
          aria-controls=${panel}
          tabindex=${name === selected ? 0 : -1}
          @click=${() => select(name)}
        >
          ${name}
        </button>`,
    )}
  </div>`
}

/** A row of buttons with one pressed button, and the hint of that button. The heading has the id `heading`. */
export const segments = <Name extends string>(
  heading: string,
  choices: Record<Name, Choice>,
  selected: Name,
  select: (name: Name) => void,
): TemplateResult =>
  html`<div class="segments" role="group" aria-labelledby=${heading} aria-describedby="${heading}-hint">
      ${entriesOf<Name, Choice>(choices).map(
        ([name, { label }]) =>
          html`<button
            type="button"
            class=${name}
            aria-pressed=${name === selected}
            @click=${() => select(name)}
          >
            ${label}
          </button>`,
      )}
    </div>
    <p class="hint" id="${heading}-hint">${choices[selected].hint}</p>`

/** The new value of the field that emitted `event`. */
export const valueOf = (event: Event): string => (event.target as HTMLInputElement | HTMLSelectElement).value
