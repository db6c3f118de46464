import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { DeviceSummary, PushTest, SessionSummary, UserDetail } from '../../../protocol/internal.js'
import type { Question } from '../confirm.js'
import { clockTime, formatNumber, relativeTime } from '../format.js'
import { Page } from './page.js'
import { fact, scrollingList } from '../parts.js'
import { apiPath } from '../route.js'
import { sessionRow } from '../session-row.js'
import '../session-trace.js'
import { changeText } from '../words.js'

const POLL_INTERVAL = 5_000

const testText = ({ result, error }: PushTest): string =>
  result === 'delivered'
    ? 'A push service has taken the test.'
    : result === 'gone'
      ? 'A push service has ended a subscription.'
      : `A push service has not taken the test: ${error ?? 'unknown'}.`

/** The page of one user: presence, inbox, devices, sessions and their latest changes, with buttons to end sessions and devices. */
export class UserPage extends Page {
  /** The session whose frames are shown. The list keeps the session after its end, so that its last frames can be read. */
  #watched: SessionSummary | null = null
  #user: UserDetail | null = null

  protected load(): void {
    const refresh = this.poll(POLL_INTERVAL, () => this.#refresh())
    this.followChanges(
      () => 0,
      ({ entries }) => {
        if (entries.some(({ userId }) => userId === this.userId)) refresh()
      },
    )
  }

  async #refresh(): Promise<void> {
    this.#user = await this.client.get<UserDetail>(apiPath(this.appId, this.userId), this.signal)
  }

  /** Makes a change after the operator has agreed to it, and says `done`. */
  async #change(question: Question, method: 'POST' | 'DELETE', path: string, done: string): Promise<void> {
    if (!(await this.confirm(question))) return
    await this.act(async () => {
      await this.client.change(method, apiPath(this.appId, this.userId) + path)
      await this.#refresh()
      return done
    })
  }

  #end({ sessionId }: SessionSummary): Promise<void> {
    const question = {
      title: 'End this session?',
      text: 'Its client receives the code revoked. The user can log in again with the same credentials.',
      action: 'End the session',
    }
    const path = `/sessions/${encodeURIComponent(sessionId)}`
    return this.#change(question, 'DELETE', path, 'The session has ended.')
  }

  #endAll(): Promise<void> {
    const question = {
      title: `Log ${this.userId} out everywhere?`,
      text: 'All sessions end. Tokens and signatures that the user has now are refused from now on.',
      action: 'Log out everywhere',
    }
    return this.#change(question, 'POST', '/revoke', 'The user is logged out everywhere.')
  }

  #reauth(): Promise<void> {
    const question = {
      title: 'Ask for new credentials?',
      text: 'Tokens and signatures that the user has now are refused from now on. Each client has 10 seconds to send a new token, or its session ends.',
      action: 'Ask for new credentials',
    }
    return this.#change(question, 'POST', '/reauth', 'Each client was asked for new credentials.')
  }

  #endDevice({ id }: DeviceSummary): Promise<void> {
    const question = {
      title: 'End this subscription?',
      text: 'The device gets no more pushes, until a page of the user is opened there.',
      action: 'End the subscription',
    }
    return this.#change(question, 'DELETE', `/push/${encodeURIComponent(id)}`, 'The subscription has ended.')
  }

  #testPush(): Promise<void> {
    return this.act(async () => {
      const path = `${apiPath(this.appId, this.userId)}/push/test`
      const results = await this.client.change<PushTest[]>('POST', path)
      await this.#refresh()
      return results.map(testText).join(' ') || 'The user has no device.'
    })
  }

  #watch(session: SessionSummary | null): void {
    this.#watched = session
    this.requestUpdate()
  }

  #devices(devices: readonly DeviceSummary[]): TemplateResult {
    return html`<section aria-labelledby="devices">
      <header class="row">
        <h2 id="devices">Devices</h2>
        ${this.mayChange ? html`<button type="button" @click=${() => this.#testPush()}>Send a test push</button>` : nothing}
      </header>
      <p class="hint">Web Push reaches them while no page is open.</p>
      ${devices.length === 0 ? html`<p class="hint">The user has no devices.</p>` : nothing}
      <ul class="rows">
        ${repeat(
          devices,
          ({ id }) => id,
          (device) =>
            html`<li class="row">
              <span>
                <code>${device.host}</code> since ${relativeTime(device.createdAt)}, renewed
                ${relativeTime(device.renewedAt)}, last push
                ${device.lastSuccessAt === null ? 'never' : relativeTime(device.lastSuccessAt)}${device.failures > 0 ? `, ${formatNumber(device.failures)} failed since` : ''}
              </span>
              ${this.mayChange ? html`<button type="button" class="danger" @click=${() => this.#endDevice(device)}>End</button>` : nothing}
            </li>`,
        )}
      </ul>
    </section>`
  }

  #sessionItem(session: SessionSummary, hasEnded: boolean): TemplateResult {
    const { sessionId } = session
    const isWatched = this.#watched?.sessionId === sessionId
    const buttons = html`<button
        type="button"
        aria-expanded=${isWatched ? 'true' : 'false'}
        @click=${() => this.#watch(isWatched ? null : session)}
      >
        Watch frames
      </button>
      ${this.mayChange && !hasEnded ? html`<button type="button" class="danger" @click=${() => this.#end(session)}>End</button>` : nothing}`
    return html`<li>
      ${sessionRow(session, html`<code>${sessionId}</code>`, buttons, hasEnded)}
      ${
        isWatched
          ? html`<session-trace
              .client=${this.client}
              .appId=${this.appId}
              .userId=${this.userId}
              .sessionId=${sessionId}
            ></session-trace>`
          : nothing
      }
    </li>`
  }

  #details(user: UserDetail): TemplateResult {
    const { profile, online, lastSeenAt, revokedBefore, createdAt, inbox, sessions, sessionCount } = user
    const watched = this.#watched
    const isListed = !watched || sessions.some(({ sessionId }) => sessionId === watched.sessionId)
    const listed = isListed ? sessions : [...sessions, watched]
    return html`<dl class="facts">
        ${fact('Presence', html`<span class="state ${online ? 'active' : 'detached'}">${online ? 'online' : 'offline'}</span>`)}
        ${profile.name ? fact('Name', profile.name) : nothing} ${fact('Created', relativeTime(createdAt))}
        ${fact('Last seen', lastSeenAt === null ? 'never' : relativeTime(lastSeenAt))}
        ${fact('Unread messages', formatNumber(inbox.unread))} ${fact('Newest offset', inbox.offset)}
        ${fact('Read up to', inbox.readOffset)}
        ${revokedBefore === null ? nothing : fact('Credentials revoked', html`those issued until ${relativeTime(revokedBefore)}`)}
      </dl>
      <section aria-labelledby="sessions">
        <header class="row">
          <h2 id="sessions">Sessions</h2>
          ${
            this.mayChange
              ? html`<div class="row">
                  <button type="button" @click=${() => this.#reauth()}>Ask for new credentials</button>
                  <button type="button" class="danger" @click=${() => this.#endAll()}>
                    Log out everywhere
                  </button>
                </div>`
              : html`<span class="hint">Your token may only read.</span>`
          }
        </header>
        ${listed.length === 0 ? html`<p class="hint">The user has no sessions.</p>` : nothing}
        ${sessionCount > sessions.length ? html`<p class="hint">The newest ${sessions.length} of ${sessionCount}.</p>` : nothing}
        <ul class="rows">
          ${repeat(
            listed,
            ({ sessionId }) => sessionId,
            (session) => this.#sessionItem(session, !sessions.includes(session)),
          )}
        </ul>
      </section>
      ${user.devices ? this.#devices(user.devices) : nothing}
      <section aria-labelledby="changes">
        <h2 id="changes">Latest changes</h2>
        <p class="hint">On this gateway, since it started. It keeps the latest 20.</p>
        ${scrollingList(
          'Changes, newest first',
          [...user.changes].reverse().map((change) => html`${clockTime(change.at)} ${changeText(change)}`),
          'Nothing has happened yet.',
        )}
      </section>`
  }

  protected body(): TemplateResult {
    return html`<h1 tabindex="-1">${this.userId}</h1>
      <p role="status">${this.done}</p>
      ${this.#user ? this.#details(this.#user) : nothing}`
  }
}

customElements.define('user-page', UserPage)
