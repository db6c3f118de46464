import { html, nothing, type TemplateResult } from 'lit'
import { segments, valueOf } from '../controls.js'
import { apps, entriesOf, loginMethods, type LoginMethodId, type ProfileField } from '../settings.js'
import type { Panel } from '../panel/panel.js'

/** The label and input type of each field. If a field of the profile has no row, the code does not compile. */
const moreFields: Record<Exclude<ProfileField, 'name'>, [string, string]> = {
  email: ['E-mail', 'email'],
  photoUrl: ['Photo URL (https)', 'url'],
  locale: ['Locale', 'text'],
  role: ['Role', 'text'],
}

const field = (id: string, label: string, value: string, set: (value: string) => void, type = 'text') =>
  html`<div class="field">
    <label for=${id}>${label}</label>
    <input
      id=${id}
      type=${type}
      autocomplete="off"
      autocapitalize="none"
      spellcheck="false"
      .value=${value}
      @change=${(event: Event) => set(valueOf(event))}
    />
  </div>`

/** The form for a session's user and credentials. */
export const loginTab = (panel: Panel): TemplateResult => {
  const { appId, method, userId, profile, password } = panel.settings
  const profileField = (name: ProfileField, label: string, type?: string): TemplateResult =>
    field(
      name,
      label,
      profile[name] ?? '',
      (value) => panel.change({ profile: { ...panel.settings.profile, [name]: value.trim() } }),
      type,
    )
  const submit = (event: Event): void => {
    event.preventDefault()
    panel.attempt(() => panel.mount())
  }
  return html`<form class="login" novalidate @submit=${submit}>
    <div class="field">
      <h3 id="app">App</h3>
      ${segments('app', apps, appId, (appId) => panel.change({ appId }))}
    </div>
    <div class="field">
      <label for="method">Way to log in</label>
      <select
        id="method"
        aria-describedby="method-hint"
        .value=${method}
        @change=${(event: Event) => panel.change({ method: valueOf(event) as LoginMethodId })}
      >
        ${entriesOf(loginMethods).map(
          ([id, { label }]) => html`<option value=${id} ?selected=${id === method}>${label}</option>`,
        )}
      </select>
      <p class="hint" id="method-hint">${loginMethods[method].hint}</p>
    </div>
    ${
      method === 'auth-params'
        ? html`${field('password', 'Password', password, (password) => panel.change({ password }), 'password')}
            <p class="hint">The right one is <code>open sesame</code>.</p>`
        : nothing
    }
    <div class="pair">
      ${field('user-id', 'User id', userId, (userId) => panel.change({ userId }))}
      ${profileField('name', 'Name')}
    </div>
    <details>
      <summary>More of the profile</summary>
      <p class="hint">A change reaches a live session at once.</p>
      ${entriesOf(moreFields).map(([name, [label, type]]) => profileField(name, label, type))}
    </details>
    <button class="main" ?disabled=${panel.shown.isBusy}>
      ${panel.session.view.exists ? 'Start again with these settings' : 'Start the session'}
    </button>
  </form>`
}
