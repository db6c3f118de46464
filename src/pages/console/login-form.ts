import { html, nothing, type TemplateResult } from 'lit'

/** The form for an admin token. `onToken` is called with the token. */
export const loginForm = (
  problem: string | null,
  isBusy: boolean,
  onToken: (token: string) => void,
): TemplateResult => {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const token = form.querySelector('input')?.value.trim()
    if (token) onToken(token)
  }
  return html`<main class="login">
    <h1 tabindex="-1">chat-session console</h1>
    <form class="card" @submit=${submit}>
      <label for="admin-token">Admin token</label>
      <input
        id="admin-token"
        type="password"
        autocomplete="off"
        required
        aria-describedby="admin-token-hint"
        aria-invalid=${problem === null ? 'false' : 'true'}
      />
      <p class="hint" id="admin-token-hint">
        The <code>token</code> or the <code>readToken</code> under <code>admin</code> in the gateway's config.
        This tab keeps it until you log out or close the tab.
      </p>
      ${problem === null ? nothing : html`<p class="problem" role="alert">${problem}</p>`}
      <button class="main" ?disabled=${isBusy}>Log in</button>
    </form>
  </main>`
}
