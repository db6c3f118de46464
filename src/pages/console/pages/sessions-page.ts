import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { SessionChange, SessionList } from '../../../protocol/internal.js'
import { clockTime } from '../format.js'
import { Page } from './page.js'
import { PagedList } from '../paged-list.js'
import { scrollingList } from '../parts.js'
import { apiPath } from '../route.js'
import { sessionRow } from '../session-row.js'
import { changeText } from '../words.js'

const POLL_INTERVAL = 5_000

/** How many changes are shown. */
const MAX_CHANGES = 50

/** The page of an app's sessions: their changes as they happen, and the list of all sessions. */
export class SessionsPage extends Page {
  /** Whether the list of changes stands still, so that it can be read. */
  #isPaused = false
  /** Newest first. */
  #changes: SessionChange[] = []
  /** The changes that are shown: the latest ones, unless the list is paused. */
  #shown: SessionChange[] = []
  #skipped = 0
  readonly #list = new PagedList<SessionList>(this, () => `${apiPath(this.appId)}/sessions`)

  protected load(): void {
    const refresh = this.poll(POLL_INTERVAL, () => this.#list.load())
    this.followChanges(
      () => this.#changes[0]?.seq ?? 0,
      ({ entries, skipped }) => {
        this.#skipped += skipped
        if (entries.length === 0) return
        this.#changes = [...entries.reverse(), ...this.#changes].slice(0, MAX_CHANGES)
        this.requestUpdate()
        refresh()
      },
    )
  }

  #pause(): void {
    this.#isPaused = !this.#isPaused
    this.requestUpdate()
  }

  protected body(): TemplateResult {
    const sessions = this.#list.shown?.sessions
    if (!this.#isPaused) this.#shown = this.#changes
    return html`<h1 tabindex="-1">Sessions of ${this.appId}</h1>
      <section aria-labelledby="changes">
        <header class="row">
          <h2 id="changes">As it happens</h2>
          <button
            type="button"
            aria-pressed=${this.#isPaused ? 'true' : 'false'}
            @click=${() => this.#pause()}
          >
            Pause
          </button>
        </header>
        ${this.#skipped ? html`<p class="hint">${this.#skipped} more came too fast to be shown.</p>` : nothing}
        ${scrollingList(
          'Changes, newest first',
          this.#shown.map(
            (change) => html`${clockTime(change.at)} ${this.userLink(change.userId)} ${changeText(change)}`,
          ),
          'Nothing has happened yet.',
        )}
      </section>
      <section aria-labelledby="all">
        ${this.#list.heading('All sessions, oldest first', 'sessions', sessions)}
        <ul class="rows">
          ${repeat(
            sessions ?? [],
            ({ sessionId }) => sessionId,
            (session) => html`<li>${sessionRow(session, this.userLink(session.userId))}</li>`,
          )}
        </ul>
      </section>`
  }
}

customElements.define('sessions-page', SessionsPage)
