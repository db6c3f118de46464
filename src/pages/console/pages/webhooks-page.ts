import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type {
  DeliverySummary,
  PendingEventList,
  PendingEventSummary,
  WebhookState,
} from '../../../protocol/internal.js'
import { clockTime, formatNumber, relativeTime } from '../format.js'
import { Page } from './page.js'
import { fact, pagedHeading, scrollingList } from '../parts.js'
import { apiPath, linkTo, pagePath } from '../route.js'

const POLL_INTERVAL = 5_000

const RESULTS: Readonly<Record<DeliverySummary['result'], string>> = {
  delivered: 'delivered',
  retry: 'failed, sent again later',
  failed: 'given up',
}

const attemptsText = (attempts: number): string => {
  // A user's events are sent in order, so this event may wait for an earlier one.
  if (attempts === 0) return 'Not sent yet.'
  return attempts === 1 ? 'Failed once.' : `Failed ${attempts} times.`
}

/** The page of an app's webhooks: the events that wait for their delivery or were given up, and the latest requests. */
export class WebhooksPage extends Page {
  static override properties = { ...Page.properties, done: { state: true } }

  /** The result of the button that was pressed last. */
  declare done: string
  #state: WebhookState | null = null
  #pending: PendingEventList = { events: [], next: null }
  #pendingCursor: string | null = null

  constructor() {
    super()
    this.done = ''
  }

  protected load(signal: AbortSignal): void {
    this.poll(POLL_INTERVAL, () => this.#refresh(), signal)
  }

  async #refresh(): Promise<void> {
    const path = `${apiPath(this.appId)}/webhooks`
    const after = this.#pendingCursor
    const state = await this.client.get<WebhookState>(path, this.signal)
    const pending = await this.client.get<PendingEventList>(pagePath(`${path}/pending`, after), this.signal)
    // The operator may have opened another page meanwhile.
    if (after !== this.#pendingCursor) return
    this.#state = state
    this.#pending = pending
    this.requestUpdate()
  }

  async #test(): Promise<void> {
    const path = `${apiPath(this.appId)}/webhooks/test`
    this.done = ''
    await this.attempt(async () => {
      const { result, status, error } = await this.client.change<DeliverySummary>('POST', path)
      this.done =
        result === 'delivered'
          ? `The test was delivered, and answered with the status ${status}.`
          : `The test failed. ${error}`
      await this.#refresh()
    })
  }

  async #replay({ id, userId }: PendingEventSummary): Promise<void> {
    const path = `${apiPath(this.appId, userId ?? undefined)}/webhooks/${encodeURIComponent(id)}/replay`
    this.done = ''
    await this.attempt(async () => {
      await this.client.change('POST', path)
      this.done = 'The event is delivered again.'
      await this.#refresh()
    })
  }

  async #open(after: string | null): Promise<void> {
    this.#pendingCursor = after
    this.requestUpdate()
    await this.attempt(() => this.#refresh())
  }

  /** A link to the user of an event; nothing for an event of the app itself. */
  #userLink(userId: string | null): TemplateResult | typeof nothing {
    if (userId === null) return nothing
    return html`<a href=${linkTo({ page: 'user', appId: this.appId, userId })}>${userId}</a>`
  }

  #pendingItem(event: PendingEventSummary): TemplateResult {
    const { type, userId, at, attempts, dueAt, lastError, state } = event
    const isFailed = state === 'failed'
    return html`<li>
      <div class="row">
        <span class="state ${isFailed ? 'fail' : 'warn'}">${isFailed ? 'given up' : 'waiting'}</span>
        <code>${type}</code> ${this.#userLink(userId)}
        ${
          isFailed && this.mayChange
            ? html`<button type="button" @click=${() => this.#replay(event)}>Deliver again</button>`
            : nothing
        }
      </div>
      <p class="hint">
        Happened ${relativeTime(at)}. ${attemptsText(attempts)}
        ${isFailed ? nothing : html`Next try ${relativeTime(dueAt)}.`} ${lastError}
      </p>
    </li>`
  }

  #delivery({ type, userId, at, attempt, status, duration, result, error }: DeliverySummary): TemplateResult {
    return html`${clockTime(at)} <code>${type}</code> ${this.#userLink(userId)}
      <span class="state ${result}">${RESULTS[result]}</span>
      <span class="hint"
        >${error ?? `The answer has the status ${status}.`} ${formatNumber(duration)}
        ms${attempt > 1 ? `, attempt ${attempt}` : ''}</span
      >`
  }

  #details({ isConfigured, pending, oldestAt, deliveries }: WebhookState): TemplateResult {
    return html`${isConfigured ? nothing : html`<p>The app has no <code>webhooks</code> in the config.</p>`}
      <dl class="facts">
        ${fact('Waiting', formatNumber(pending))}
        ${fact('Oldest', oldestAt === null ? null : relativeTime(oldestAt))}
      </dl>
      <section aria-labelledby="all">
        ${pagedHeading(
          'Not delivered',
          {
            things: 'events that wait or were given up',
            isEmpty: this.#pending.events.length === 0,
            after: this.#pendingCursor,
            next: this.#pending.next,
          },
          (after) => this.#open(after),
        )}
        <ul class="rows">
          ${repeat(
            this.#pending.events,
            ({ id }) => id,
            (event) => this.#pendingItem(event),
          )}
        </ul>
      </section>
      <section aria-labelledby="deliveries">
        <h2 id="deliveries">Latest requests</h2>
        <p class="hint">Of this gateway, since it started.</p>
        ${deliveries.length === 0 ? html`<p class="hint">No request was made yet.</p>` : nothing}
        ${scrollingList(
          'Requests, newest first',
          deliveries.map((delivery) => this.#delivery(delivery)),
        )}
      </section>`
  }

  protected body(): TemplateResult {
    return html`<header class="row">
        <h1 tabindex="-1">Webhooks of ${this.appId}</h1>
        ${this.mayChange && this.#state?.isConfigured ? html`<button type="button" @click=${() => this.#test()}>Send a test</button>` : nothing}
      </header>
      <p role="status">${this.done}</p>
      ${this.#state ? this.#details(this.#state) : nothing}`
  }
}

customElements.define('webhooks-page', WebhooksPage)
