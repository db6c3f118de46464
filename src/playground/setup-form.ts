import { css, html, LitElement, type TemplateResult } from 'lit'
import { apps, entriesOf, ways, type AppId, type Choice, type ProfileField, type WayId } from './settings.js'
import { look } from './styles.js'

/** Part of the choice that the form changed; `profile` is whole. */
export class ChoiceEvent extends CustomEvent<Partial<Choice>> {}

const more: readonly [ProfileField, string, string][] = [
  ['email', 'E-mail', 'email'],
  ['photoUrl', 'Photo URL (https)', 'url'],
  ['locale', 'Locale', 'text'],
  ['role', 'Role', 'text'],
]

/** Where a person says whose session it is, and how it is proven. Tells of it by `choice`, and by `go`. */
export class SetupForm extends LitElement {
  static override properties = {
    choice: { attribute: false },
    busy: { type: Boolean },
    made: { type: Boolean },
  }

  static override styles = [
    look,
    css`
      form,
      fieldset,
      .fields {
        display: grid;
        gap: 16px;
      }
      fieldset {
        border: 0;
        gap: 8px;
        min-width: 0;
      }
      .apps {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 4px;
        padding: 4px;
        background: var(--well);
        border-radius: 12px;
      }
      .apps label {
        display: grid;
        place-items: center;
        min-height: 44px;
        border-radius: 9px;
        font-size: 0.875rem;
        cursor: pointer;
      }
      .apps label:has(:checked) {
        color: var(--ink);
        background: var(--chosen);
        box-shadow: 0 1px 3px rgb(0 0 0 / 20%);
      }
      .apps label:has(:focus-visible) {
        outline: 3px solid var(--focus);
        outline-offset: 2px;
      }
      .apps input {
        position: absolute;
        opacity: 0;
        pointer-events: none;
      }
      .field {
        display: grid;
        gap: 6px;
        min-width: 0;
      }
      summary {
        min-height: 44px;
        padding: 11px 0;
        box-sizing: border-box;
        font-size: 0.8125rem;
        font-weight: 600;
        color: var(--link);
        border-radius: 6px;
        cursor: pointer;
      }
      details .fields {
        padding-top: 8px;
      }
      @media (min-width: 480px) {
        .pair {
          display: grid;
          grid-template-columns: 1fr 1fr;
          gap: 12px;
        }
      }
      @media (max-width: 479px) {
        .pair {
          display: grid;
          gap: 16px;
        }
      }
    `,
  ]

  declare choice: Choice
  declare busy: boolean
  declare made: boolean

  #set(change: Partial<Choice>): void {
    this.dispatchEvent(new ChoiceEvent('choice', { detail: change }))
  }

  #setProfile(field: ProfileField, value: string): void {
    this.#set({ profile: { ...this.choice.profile, [field]: value.trim() } })
  }

  #go(event: Event): void {
    event.preventDefault()
    this.dispatchEvent(new Event('go'))
  }

  #app(id: AppId): TemplateResult {
    return html`<label
      ><input
        type="radio"
        name="app"
        value=${id}
        .checked=${this.choice.appId === id}
        @change=${() => this.#set({ appId: id })}
      />${apps[id].label}</label
    >`
  }

  #profileField(field: ProfileField, label: string, type = 'text'): TemplateResult {
    return html`<div class="field">
      <label for=${field}>${label}</label>
      <input
        id=${field}
        type=${type}
        autocomplete="off"
        .value=${this.choice.profile[field] ?? ''}
        @change=${({ target }: Event) => this.#setProfile(field, (target as HTMLInputElement).value)}
      />
    </div>`
  }

  override render(): TemplateResult {
    const { appId, way, userId, password } = this.choice
    return html`<form novalidate @submit=${(event: Event) => this.#go(event)}>
      <fieldset aria-describedby="app-hint">
        <legend>App</legend>
        <div class="apps">${this.#app('playground')}${this.#app('strict')}</div>
        <p class="hint" id="app-hint">${apps[appId].hint}</p>
      </fieldset>
      <div class="field">
        <label for="way">Way to log in</label>
        <select
          id="way"
          aria-describedby="way-hint"
          .value=${way}
          @change=${({ target }: Event) => this.#set({ way: (target as HTMLSelectElement).value as WayId })}
        >
          ${entriesOf(ways).map(
            ([id, { label }]) => html`<option value=${id} ?selected=${id === way}>${label}</option>`,
          )}
        </select>
        <p class="hint" id="way-hint">${ways[way].hint}</p>
      </div>
      ${
        way === 'auth-params'
          ? html`<div class="field">
              <label for="password">Password</label>
              <input
                id="password"
                type="password"
                autocomplete="off"
                aria-describedby="password-hint"
                .value=${password}
                @input=${({ target }: Event) => this.#set({ password: (target as HTMLInputElement).value })}
              />
              <p class="hint" id="password-hint">The right one is <code>open sesame</code>.</p>
            </div>`
          : null
      }
      <div class="pair">
        <div class="field">
          <label for="user-id">User id</label>
          <input
            id="user-id"
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
            .value=${userId}
            @input=${({ target }: Event) => this.#set({ userId: (target as HTMLInputElement).value })}
          />
        </div>
        ${this.#profileField('name', 'Name')}
      </div>
      <details>
        <summary>More of the profile</summary>
        <div class="fields">
          <p class="hint">A change reaches a live session at once.</p>
          ${more.map(([field, label, type]) => this.#profileField(field, label, type))}
        </div>
      </details>
      <button class="main" ?disabled=${this.busy}>
        ${this.made ? 'Start anew with these settings' : 'Start the session'}
      </button>
    </form>`
  }
}
customElements.define('setup-form', SetupForm)
