import { html, type TemplateResult } from 'lit'
import type { AppSummary, Series } from '../../../protocol/internal.js'
import { chart, spanOf } from '../chart.js'
import { formatBytes, formatNumber } from '../format.js'
import { Page } from './page.js'
import { linkTo } from '../route.js'

const POLL_INTERVAL = 10_000

const usage = (
  label: string,
  { used, limit }: { used: number; limit: number },
  format: (value: number) => string,
): TemplateResult =>
  html`<div class="usage">
    <dt>${label}</dt>
    <dd class="plain">
      ${format(used)} <span class="hint">of ${format(limit)}</span>
      <meter aria-label=${label} min="0" max=${limit} high=${limit * 0.8} optimum="0" .value=${used}></meter>
    </dd>
  </div>`

const appCard = (app: AppSummary): TemplateResult => {
  const { appId, environment, sessions, users } = app
  return html`<article class="card">
    <header class="row">
      <h3>${appId}</h3>
      <span class="tag">${environment}</span>
    </header>
    <dl class="facts">
      <div>
        <dt>Sessions</dt>
        <dd><a href=${linkTo({ page: 'sessions', appId })}>${formatNumber(sessions)}</a></dd>
      </div>
      <div>
        <dt>Users</dt>
        <dd><a href=${linkTo({ page: 'users', appId })}>${formatNumber(users)}</a></dd>
      </div>

      ${usage('Guests', app.guests, formatNumber)} ${usage('Inboxes', app.inboxes, formatNumber)}
      ${usage('Stored messages', app.bytes, formatBytes)}
    </dl>
  </article>`
}

/** The apps with their usage, and the charts of the last hour. */
export class OverviewPage extends Page {
  #apps: AppSummary[] = []
  #charts: Series[] = []

  protected load(signal: AbortSignal): void {
    this.poll(POLL_INTERVAL, async () => {
      this.#apps = await this.client.get<AppSummary[]>('/apps', signal)
      this.#charts = await this.client.get<Series[]>('/charts', signal)
    })
  }

  protected body(): TemplateResult {
    const span = spanOf(Math.max(1, ...this.#charts.map(({ values }) => values.length)))
    const heading = span.replace(/^t/, 'T')
    return html`<h1 tabindex="-1">Overview</h1>
      <section aria-labelledby="apps">
        <h2 id="apps">Apps</h2>
        <div class="cards">${this.#apps.map(appCard)}</div>
      </section>
      <section aria-labelledby="charts">
        <h2 id="charts">${heading}</h2>
        <p class="hint">
          Of this gateway, since it started. It takes a sample every 15 seconds. A session that waits for its
          page to come back is not connected.
        </p>
        <div class="charts">${this.#charts.map(chart)}</div>
      </section>`
  }
}

customElements.define('overview-page', OverviewPage)
