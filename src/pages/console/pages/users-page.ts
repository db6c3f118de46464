import { html, type TemplateResult } from 'lit'
import type { UserList } from '../../../protocol/internal.js'
import { relativeTime } from '../format.js'
import { Page } from './page.js'
import { pagedHeading } from '../parts.js'
import { apiPath, linkTo, pagePath } from '../route.js'

/** An app's users by page, and a field to open a user by id. */
export class UsersPage extends Page {
  #list: UserList | null = null
  /** The cursor of the page of users that was opened last. */
  #after: string | null = null

  protected load(): void {
    void this.attempt(() => this.#open(null))
  }

  async #open(after: string | null): Promise<void> {
    this.#after = after
    this.requestUpdate()
    const path = pagePath(`${apiPath(this.appId)}/users`, after)
    const list = await this.client.get<UserList>(path, this.signal)
    // The operator may have opened another page meanwhile.
    if (after !== this.#after) return
    this.#list = list
    this.requestUpdate()
  }

  #find(event: SubmitEvent): void {
    event.preventDefault()
    const userId = this.querySelector('input')?.value.trim()
    if (userId) location.hash = linkTo({ page: 'user', appId: this.appId, userId })
  }

  protected body(): TemplateResult {
    const { appId } = this
    return html`<h1 tabindex="-1">Users of ${appId}</h1>
      <form class="row" @submit=${this.#find}>
        <label for="user-id">User id</label>
        <input id="user-id" class="grow" autocomplete="off" spellcheck="false" required />
        <button class="main">Open</button>
      </form>
      <section aria-labelledby="all">
        ${pagedHeading(
          'All users',
          {
            things: 'users',
            isEmpty: this.#list?.users.length === 0,
            after: this.#after,
            next: this.#list?.next ?? null,
          },
          (after) => this.attempt(() => this.#open(after)),
        )}
        <ul class="rows columns">
          ${this.#list?.users.map(
            ({ userId, profile, createdAt }) =>
              html`<li>
                <a href=${linkTo({ page: 'user', appId, userId })}>${userId}</a>
                <span>${profile.name}</span>
                <span class="hint">created ${relativeTime(createdAt)}</span>
              </li>`,
          )}
        </ul>
      </section>`
  }
}

customElements.define('users-page', UsersPage)
