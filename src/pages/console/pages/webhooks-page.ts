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
import { PagedList } from '../paged-list.js'
import { fact, scrollingList } from '../parts.js'
import { apiPath } from '../route.js'

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
  #state: WebhookState | null = null
  readonly #pending = new PagedList<PendingEventList>(this, () => `${apiPath(this.appId)}/webhooks/pending`)

  protected load(): void {
    this.poll(POLL_INTERVAL, () => this.#refresh())
  }

  async #refresh(): Promise<void> {
    this.#state = await this.client.get<WebhookState>(`${apiPath(this.appId)}/webhooks`, this.signal)
    await this.#pending.load()
  }

  #test(): Promise<void> {
    const path = `${apiPath(this.appId)}/webhooks/test`
    return this.act(async () => {
      const { result, status, error } = await this.client.change<DeliverySummary>('POST', path)
      await this.#refresh()
      return result === 'delivered'
        ? `The test was delivered, and answered with the status ${status}.`
        : `The test failed. ${error}`
    })
  }

  #replay({ id, userId }: PendingEventSummary): Promise<void> {
    const path = `${apiPath(this.appId, userId ?? undefined)}/webhooks/${encodeURIComponent(id)}/replay`
    return this.act(async () => {
      await this.client.change('POST', path)
      await this.#refresh()
      return 'The event is delivered again.'
    })
  }

  #pendingItem(event: PendingEventSummary): TemplateResult {
    const { type, userId, at, attempts, dueAt, lastError, state } = event
    const isFailed = state === 'failed'
    return html`<li>
      <div class="row">
        <span class="state ${isFailed ? 'fail' : 'warn'}">${isFailed ? 'given up' : 'waiting'}</span>
        <code>${type}</code> ${this.userLink(userId)}
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
    return html`${clockTime(at)} <code>${type}</code> ${this.userLink(userId)}
      <span class="state ${result}">${RESULTS[result]}</span>
      <span class="hint"
        >${error ?? `The answer has the status ${status}.`} ${formatNumber(duration)}
        ms${attempt > 1 ? `, attempt ${attempt}` : ''}</span
      >`
  }

  #details({ isConfigured, pending, oldestAt, deliveries }: WebhookState): TemplateResult {
    const events = this.#pending.shown?.events
    return html`${isConfigured ? nothing : html`<p>The app has no <code>webhooks</code> in the config.</p>`}
      <dl class="facts">
        ${fact('Waiting', formatNumber(pending))}
        ${fact('Oldest', oldestAt === null ? null : relativeTime(oldestAt))}
      </dl>
      <section aria-labelledby="all">
        ${this.#pending.heading('Not delivered', 'events that wait or were given up', events)}
        <ul class="rows">
          ${repeat(
            events ?? [],
            ({ id }) => id,
            (event) => this.#pendingItem(event),
          )}
        </ul>
      </section>
      <section aria-labelledby="deliveries">
        <h2 id="deliveries">Latest requests</h2>
        <p class="hint">Of this gateway, since it started.</p>
        ${scrollingList(
          'Requests, newest first',
          deliveries.map((delivery) => this.#delivery(delivery)),
          'No request was made yet.',
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
