import { html, nothing, type TemplateResult } from 'lit'
import type { TracedFrame } from '../../protocol/internal.js'
import { clockTime, formatBytes } from './format.js'
import { Page } from './pages/page.js'
import { scrollingList } from './parts.js'
import { apiPath } from './route.js'

/** How many frames are shown. */
const MAX_FRAMES = 200

/** The frames of one session while it is watched: their types, sizes and times. The gateway leaves their content out. */
export class SessionTrace extends Page {
  sessionId!: string
  /** Newest first. */
  #frames: TracedFrame[] = []
  #skipped = 0
  #hasEnded = false

  protected load(signal: AbortSignal): void {
    const path = `${apiPath(this.appId, this.userId)}/sessions/${encodeURIComponent(this.sessionId)}/trace`
    void this.attempt(async () => {
      await this.client.stream<TracedFrame>(
        path,
        ({ entries, skipped }) => {
          this.#skipped += skipped
          this.#frames = [...entries.reverse(), ...this.#frames].slice(0, MAX_FRAMES)
          this.requestUpdate()
        },
        signal,
      )
      this.#hasEnded = true
    })
  }

  protected body(): TemplateResult {
    return html`<p class="hint" id="trace-hint">
        ${
          this.#hasEnded
            ? 'The trace has ended.'
            : 'Frames show here as they come: types, sizes and times, but no content. The trace ends after 10 minutes.'
        }
        ${this.#skipped ? `${this.#skipped} frames came too fast to be shown.` : nothing}
      </p>
      ${scrollingList(
        'Frames, newest first',
        this.#frames.map(
          ({ at, direction, type, bytes, code }) =>
            html`${clockTime(at)}
              <span class="direction ${direction}">${direction === 'in' ? 'client →' : '→ client'}</span>
              <code>${type}</code> ${code === null ? nothing : html`<code>${code}</code>`}
              <span class="hint">${formatBytes(bytes)}</span>`,
        ),
      )}`
  }
}

customElements.define('session-trace', SessionTrace)
