import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { SessionChange, SessionList } from '../protocol/internal.js'
import { clockTime } from './format.js'
import { Page } from './page.js'
import { pagedHeading, scrollingList } from './parts.js'
import { apiPath, linkTo } from './route.js'
import { sessionRow } from './session-row.js'
import { changeText } from './words.js'

/** Changes that are shown. */
const MAX_CHANGES = 50

/** An app's sessions: their changes as they happen, and the list of all by page. */
export class SessionsPage extends Page {
  static override properties = { ...Page.properties, isPaused: { state: true } }

  /** Keeps the list of changes still, so that it can be read. */
  declare isPaused: boolean
  /** Newest first. */
  #changes: SessionChange[] = []
  /** The changes that are in the page: the latest ones, unless it is paused. */
  #shown: SessionChange[] = []
  #skipped = 0
  #list: SessionList | null = null

  constructor() {
    super()
    this.isPaused = false
  }

  protected load(signal: AbortSignal): void {
    void this.attempt(() => this.#open(null))
    void this.client.follow<SessionChange>(
      () => `${apiPath(this.appId)}/changes?after=${this.#changes[0]?.seq ?? 0}`,
      ({ entries, skipped }) => {
        this.#skipped += skipped
        entries.forEach((change) => this.#apply(change))
        if (entries.length + skipped > 0) this.requestUpdate()
      },
      (problem) => (this.problem = problem),
      signal,
    )
  }

  #apply(change: SessionChange): void {
    this.#changes = [change, ...this.#changes].slice(0, MAX_CHANGES)
    const { type, sessionId } = change
    if (!this.#list) return
    const { sessions, next } = this.#list
    const state = type === 'disconnected' ? 'detached' : 'active'
    this.#list = {
      sessions: sessions
        .filter((session) => type !== 'ended' || session.sessionId !== sessionId)
        .map((session) => (session.sessionId === sessionId ? { ...session, state } : session)),
      next,
    }
  }

  /** Shows the page of sessions after a cursor. */
  async #open(after: string | null): Promise<void> {
    const query = after === null ? '' : `?after=${encodeURIComponent(after)}`
    this.#list = await this.client.get<SessionList>(`${apiPath(this.appId)}/sessions${query}`, this.signal)
    this.requestUpdate()
  }

  #userLink(userId: string): TemplateResult {
    return html`<a href=${linkTo({ page: 'user', appId: this.appId, userId })}>${userId}</a>`
  }

  protected body(): TemplateResult {
    const { sessions = [], next = null } = this.#list ?? {}
    if (!this.isPaused) this.#shown = this.#changes
    return html`<h1 tabindex="-1">Sessions of ${this.appId}</h1>
      <section aria-labelledby="changes">
        <header class="row">
          <h2 id="changes" class="grow">As it happens</h2>
          <button
            type="button"
            aria-pressed=${this.isPaused ? 'true' : 'false'}
            @click=${() => (this.isPaused = !this.isPaused)}
          >
            Pause
          </button>
        </header>
        ${this.#skipped ? html`<p class="hint">${this.#skipped} more came too fast to be shown.</p>` : nothing}
        ${this.#shown.length === 0 ? html`<p class="hint">Nothing has happened yet.</p>` : nothing}
        ${scrollingList(
          'Changes, newest first',
          this.#shown.map(
            (change) => html`${clockTime(change.at)} ${this.#userLink(change.userId)} ${changeText(change)}`,
          ),
        )}
      </section>
      <section aria-labelledby="all">
        ${pagedHeading('All sessions, oldest first', { isEmpty: sessions.length === 0, next }, (after) =>
          this.attempt(() => this.#open(after)),
        )}
        <ul class="rows">
          ${repeat(
            sessions,
            ({ sessionId }) => sessionId,
            (session) => html`<li>${sessionRow(session, this.#userLink(session.userId))}</li>`,
          )}
        </ul>
      </section>`
  }
}

customElements.define('sessions-page', SessionsPage)
