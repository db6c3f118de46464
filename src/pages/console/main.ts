import { html, LitElement, nothing, type TemplateResult } from 'lit'
import { keyed } from 'lit/directives/keyed.js'
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
  static override properties = {
    route: { state: true },
    access: { state: true },
    isBusy: { state: true },
    problem: { state: true },
  }

  declare route: Route
  declare access: Access | null
  declare isBusy: boolean
  declare problem: string | null
  readonly #onHashChange = (): void => {
    this.route = parseRoute(location.hash)
    void this.#focusHeading()
  }

  constructor() {
    super()
    this.route = parseRoute(location.hash)
    this.access = null
    this.isBusy = false
    this.problem = null
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
    this.isBusy = true
    this.problem = null
    try {
      const login = await client.get<Login>('/me')
      const apps = await client.get<AppSummary[]>('/apps')
      sessionStorage.setItem(TOKEN_ITEM, token)
      this.access = { client, login, appIds: apps.map(({ appId }) => appId) }
      void this.#focusHeading()
    } catch (error) {
      this.problem ??= (error as Error).message
    }
    this.isBusy = false
  }

  #logOut(problem: string | null): void {
    sessionStorage.removeItem(TOKEN_ITEM)
    this.access = null
    this.problem = problem
    void this.#focusHeading()
  }

  /** Moves the focus to the heading of the new page, so that screen readers and the keyboard begin at the top. */
  async #focusHeading(): Promise<void> {
    await this.updateComplete
    const page = this.querySelector<LitElement>('main > *')
    await page?.updateComplete
    this.querySelector<HTMLElement>('h1')?.focus()
  }

  #link(route: Route): TemplateResult {
    const { page } = this.route
    const isCurrent = page === route.page || (page === 'user' && route.page === 'users')
    return html`<li>
      <a href=${linkTo(route)} aria-current=${isCurrent ? 'page' : nothing}>${TITLES[route.page]}</a>
    </li>`
  }

  #chooseApp(event: Event): void {
    const appId = (event.target as HTMLSelectElement).value
    const { page } = this.route
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

  #page({ client, login: { role } }: Access, appId: string): TemplateResult {
    switch (this.route.page) {
      case 'overview':
        return html`<overview-page .client=${client} .role=${role}></overview-page>`
      case 'sessions':
        return html`<sessions-page .client=${client} .role=${role} .appId=${appId}></sessions-page>`
      case 'users':
        return html`<users-page .client=${client} .role=${role} .appId=${appId}></users-page>`
      case 'user':
        return html`<user-page
          .client=${client}
          .role=${role}
          .appId=${appId}
          .userId=${this.route.userId}
        ></user-page>`
      case 'webhooks':
        return html`<webhooks-page .client=${client} .role=${role} .appId=${appId}></webhooks-page>`
      case 'token':
        return html`<token-page .client=${client} .role=${role}></token-page>`
    }
  }

  override render(): TemplateResult {
    const { access, route } = this
    if (!access) return loginForm(this.problem, this.isBusy, (token) => void this.#logIn(token))
    const appId = 'appId' in route ? route.appId : (access.appIds[0] ?? '')
    // Each page is a new element, so that no page shows the data of another one.
    return html`${this.#header(access, appId)}
      <main>${keyed(linkTo(route), this.#page(access, appId))}</main>`
  }

  protected override updated(): void {
    document.title = `${this.access ? TITLES[this.route.page] : 'Log in'} · chat-session console`
  }
}

customElements.define('admin-console', AdminConsole)
