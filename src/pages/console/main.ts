import { html, LitElement, nothing, type TemplateResult } from 'lit'
import type { AppSummary, Login } from '../../protocol/internal.js'
import { Client } from './client.js'
import { loginForm } from './login-form.js'
import './pages/overview-page.js'
import './pages/sessions-page.js'
import './pages/token-page.js'
import './pages/user-page.js'
import './pages/users-page.js'
import './pages/webhooks-page.js'
import { linkTo, parseRoute, type Route } from './route.js'

/** The key of `sessionStorage` under which the token is stored. The token is gone when the tab is closed, and no other tab sees it. */
const TOKEN_ITEM = 'chat-session-admin-token'

const TITLES: Readonly<Record<Route['page'], string>> = {
  overview: 'Overview',
  sessions: 'Sessions',
  users: 'Users',
  user: 'User',
  webhooks: 'Webhooks',
  token: 'Token checker',
}

const REFUSED = 'The gateway does not accept this token.'

/** A logged-in operator. */
interface Access {
  client: Client
  login: Login
  appIds: string[]
}

/** The whole console: the log-in, the links to its pages, and the page of the URL's fragment. */
export class AdminConsole extends LitElement {
  #route = parseRoute(location.hash)
  #access: Access | null = null
  #isBusy = false
  #problem: string | null = null
  /** The page that is shown. Each is a new element, so that no page shows the data of another one. */
  #page: HTMLElement | null = null
  readonly #onHashChange = (): void => {
    this.#route = parseRoute(location.hash)
    void this.#open()
  }

  protected override createRenderRoot(): this {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    addEventListener('hashchange', this.#onHashChange)
    const token = sessionStorage.getItem(TOKEN_ITEM)
    if (token !== null) void this.#logIn(token)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    removeEventListener('hashchange', this.#onHashChange)
  }

  async #logIn(token: string): Promise<void> {
    // The config allows no other characters. With some of them `fetch` would throw, as if the gateway did not answer.
    if (/[^ -~]/.test(token)) return this.#logOut(REFUSED)
    const client = new Client(token, () => this.#logOut(REFUSED))
    this.#isBusy = true
    this.#problem = null
    this.requestUpdate()
    try {
      const login = await client.get<Login>('/me')
      const apps = await client.get<AppSummary[]>('/apps')
      sessionStorage.setItem(TOKEN_ITEM, token)
      this.#access = { client, login, appIds: apps.map(({ appId }) => appId) }
      void this.#open()
    } catch (error) {
      this.#problem ??= (error as Error).message
    }
    this.#isBusy = false
    this.requestUpdate()
  }

  #logOut(problem: string | null): void {
    sessionStorage.removeItem(TOKEN_ITEM)
    this.#access = null
    this.#problem = problem
    void this.#open()
  }

  /** The app of the page, or else the first one. */
  get #appId(): string {
    return 'appId' in this.#route ? this.#route.appId : (this.#access?.appIds[0] ?? '')
  }

  /** Opens the page of the route. Moves the focus to its heading, so that screen readers and the keyboard begin at the top. */
  async #open(): Promise<void> {
    const { client, login } = this.#access ?? {}
    const page = Object.assign(document.createElement(`${this.#route.page}-page`), {
      client,
      mayChange: login?.role === 'admin',
      appId: this.#appId,
      userId: 'userId' in this.#route ? this.#route.userId : '',
    })
    this.#page = this.#access && page
    this.requestUpdate()
    await this.updateComplete
    await this.querySelector<LitElement>('main > *')?.updateComplete
    this.querySelector<HTMLElement>('h1')?.focus()
  }

  #link(route: Route): TemplateResult {
    const { page } = this.#route
    const isCurrent = page === route.page || (page === 'user' && route.page === 'users')
    return html`<li>
      <a href=${linkTo(route)} aria-current=${isCurrent ? 'page' : nothing}>${TITLES[route.page]}</a>
    </li>`
  }

  #chooseApp(event: Event): void {
    const appId = (event.target as HTMLSelectElement).value
    const { page } = this.#route
    const isOfApp = page === 'sessions' || page === 'users' || page === 'webhooks'
    location.hash = linkTo({ page: isOfApp ? page : 'users', appId })
  }

  #appChoice(appIds: string[], appId: string): TemplateResult {
    // This sets the property `selected`, because the attribute has no effect after the operator has chosen an option.
    return html`<label
      >App
      <select @change=${this.#chooseApp}>
        ${appIds.map((id) => html`<option .selected=${id === appId}>${id}</option>`)}
      </select></label
    >`
  }

  #header({ appIds, login }: Access, appId: string): TemplateResult {
    return html`<header class="top">
      <strong>chat-session console</strong>
      <span class="hint grow">${login.role === 'read' ? 'may only read' : ''}</span>
      <button type="button" @click=${() => this.#logOut(null)}>Log out</button>
      <div class="row">
        ${appIds.length < 2 ? nothing : this.#appChoice(appIds, appId)}
        <nav aria-label="Pages">
          <ul>
            ${this.#link({ page: 'overview' })} ${this.#link({ page: 'sessions', appId })}
            ${this.#link({ page: 'users', appId })} ${this.#link({ page: 'webhooks', appId })}
            ${this.#link({ page: 'token' })}
          </ul>
        </nav>
      </div>
    </header>`
  }

  override render(): TemplateResult {
    if (!this.#access) return loginForm(this.#problem, this.#isBusy, (token) => void this.#logIn(token))
    return html`${this.#header(this.#access, this.#appId)}
      <main>${this.#page}</main>`
  }

  protected override updated(): void {
    document.title = `${this.#access ? TITLES[this.#route.page] : 'Log in'} · chat-session console`
  }
}

customElements.define('admin-console', AdminConsole)
