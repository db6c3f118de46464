import { html, LitElement, nothing, type TemplateResult } from 'lit'
import type { SessionChange, StreamLine } from '../../../protocol/internal.js'
import type { Client } from '../client.js'
import { confirm, type Question } from '../confirm.js'
import { apiPath, linkTo } from '../route.js'

/** Milliseconds between two renders, which keep texts such as "3 s ago" true. */
const CLOCK_INTERVAL = 5_000

/** One page of the console. It has no shadow root, so that the document's stylesheet applies. */
export abstract class Page extends LitElement {
  // Who makes the page sets these once, before the page is connected.
  client!: Client
  /** Whether the operator's token allows changes. */
  mayChange!: boolean
  appId!: string
  userId!: string
  /** The result of the button that was pressed last. */
  protected done = ''
  /** Why the operator's last action failed. */
  #problem: string | null = null
  /** Why the page is not up to date. */
  #staleReason: string | null = null
  #life = new AbortController()

  /** Requests the page's data. `signal` aborts when the page is left. */
  protected abstract load(signal: AbortSignal): void

  protected abstract body(): TemplateResult

  protected override createRenderRoot(): this {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#life = new AbortController()
    this.#every(CLOCK_INTERVAL, () => this.requestUpdate())
    this.load(this.signal)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#life.abort()
  }

  override render(): TemplateResult {
    const problem = this.#problem ?? this.#staleReason
    return html`${this.body()}
    ${problem === null ? nothing : html`<p class="problem" role="alert">${problem}</p>`}`
  }

  get signal(): AbortSignal {
    return this.#life.signal
  }

  /** Asks the operator before a change. Resolves with whether the operator agrees; with false if the page is left meanwhile. */
  protected confirm(question: Question): Promise<boolean> {
    return confirm(question, this.signal)
  }

  /** A link to a user of the app; nothing if there is no user. */
  protected userLink(userId: string | null): TemplateResult | typeof nothing {
    if (userId === null) return nothing
    return html`<a href=${linkTo({ page: 'user', appId: this.appId, userId })}>${userId}</a>`
  }

  /** Runs `work` for the operator. If it fails, shows why. */
  async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
      this.#problem = null
    } catch (error) {
      if (!this.signal.aborted) this.#problem = (error as Error).message
    }
    this.requestUpdate()
  }

  /** Does what a button says. Shows the sentence that `work` resolves with, or why it failed. */
  protected act(work: () => Promise<string>): Promise<void> {
    this.done = ''
    this.requestUpdate()
    return this.attempt(async () => (this.done = await work()))
  }

  /**
   * Calls `work` now, and once in each interval while the page is visible. Returns a function that calls `work` at once, or right after the
   * call that runs. Only one call runs at a time, so that an older answer never replaces a newer one.
   */
  protected poll(interval: number, work: () => Promise<unknown>): () => void {
    const { signal } = this
    let isBusy = false
    let isDue = false
    const run = async (): Promise<void> => {
      isDue = true
      if (isBusy) return
      isBusy = true
      while (isDue) {
        isDue = false
        try {
          await work()
          this.#staleReason = null
        } catch (error) {
          if (!signal.aborted) this.#staleReason = (error as Error).message
        }
        this.requestUpdate()
      }
      isBusy = false
    }
    this.#every(interval, () => !isBusy && document.visibilityState === 'visible' && void run())
    void run()
    return () => void run()
  }

  /** Calls `onLine` with the changes of the app's sessions as they happen. `after` returns the number of the last one that is known. */
  protected followChanges(after: () => number, onLine: (line: StreamLine<SessionChange>) => void): void {
    const pathOf = (): string => `${apiPath(this.appId)}/changes?after=${after()}`
    const onProblem = (problem: string): void => {
      this.#staleReason = problem
      this.requestUpdate()
    }
    void this.client.follow(pathOf, onLine, onProblem, this.signal)
  }

  #every(interval: number, work: () => void): void {
    const timer = setInterval(work, interval)
    this.signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  }
}
