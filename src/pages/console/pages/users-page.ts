import { html, type TemplateResult } from 'lit'
import type { UserList } from '../../../protocol/internal.js'
import { relativeTime } from '../format.js'
import { Page } from './page.js'
import { PagedList } from '../paged-list.js'
import { apiPath, linkTo } from '../route.js'

/** An app's users by page, and a field to open a user by id. */
export class UsersPage extends Page {
  readonly #list = new PagedList<UserList>(this, () => `${apiPath(this.appId)}/users`)

  protected load(): void {
    void this.attempt(() => this.#list.load())
  }

  #find(event: SubmitEvent): void {
    event.preventDefault()
    const userId = this.querySelector('input')?.value.trim()
    if (userId) location.hash = linkTo({ page: 'user', appId: this.appId, userId })
  }

  protected body(): TemplateResult {
    const { appId } = this
    const users = this.#list.shown?.users
    return html`<h1 tabindex="-1">Users of ${appId}</h1>
      <form class="row" @submit=${this.#find}>
        <label for="user-id">User id</label>
        <input id="user-id" class="grow" autocomplete="off" spellcheck="false" required />
        <button class="main">Open</button>
      </form>
      <section aria-labelledby="all">
        ${this.#list.heading('All users', 'users', users)}
        <ul class="rows columns">
          ${users?.map(
            ({ userId, profile, createdAt }) =>
              html`<li>
                ${this.userLink(userId)}
                <span>${profile.name}</span>
                <span class="hint">created ${relativeTime(createdAt)}</span>
              </li>`,
          )}
        </ul>
      </section>`
  }
}

customElements.define('users-page', UsersPage)
