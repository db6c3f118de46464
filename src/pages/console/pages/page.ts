import { html, LitElement, nothing, type TemplateResult } from 'lit'
import type { Login } from '../../../protocol/internal.js'
import type { Client } from '../client.js'
import { confirm, type Question } from '../confirm.js'

/** Milliseconds between two renders, which keep texts such as "3 s ago" true. */
const CLOCK_INTERVAL = 5_000

/** One page of the console. It has no shadow root, so that the document's stylesheet applies. */
export abstract class Page extends LitElement {
  static override properties = {
    client: { attribute: false },
    role: { attribute: false },
    appId: { attribute: false },
    userId: { attribute: false },
    problem: { state: true },
    staleReason: { state: true },
  }

  declare client: Client
  declare role: Login['role']
  declare appId: string
  declare userId: string
  /** Why the operator's last action failed. */
  declare problem: string | null
  /** Why the page is not up to date. */
  declare staleReason: string | null

  #life = new AbortController()

  constructor() {
    super()
    this.problem = null
    this.staleReason = null
  }

  /** Requests the page's data. `signal` aborts when the page is left. */
  protected abstract load(signal: AbortSignal): void

  protected abstract body(): TemplateResult

  protected override createRenderRoot(): this {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#life = new AbortController()
    const { signal } = this.#life
    this.#every(CLOCK_INTERVAL, () => this.requestUpdate(), signal)
    this.load(signal)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#life.abort()
  }

  override render(): TemplateResult {
    const problem = this.problem ?? this.staleReason
    return html`${this.body()}
    ${problem === null ? nothing : html`<p class="problem" role="alert">${problem}</p>`}`
  }

  get signal(): AbortSignal {
    return this.#life.signal
  }

  get mayChange(): boolean {
    return this.role === 'admin'
  }

  /** Asks the operator before a change. Resolves with whether the operator agrees; with false if the page is left meanwhile. */
  protected confirm(question: Question): Promise<boolean> {
    return confirm(question, this.signal)
  }

  /** Runs `work` for the operator. If it fails, shows why. Resolves with whether it succeeded. */
  async attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      this.problem = null
      return true
    } catch (error) {
      if (!this.signal.aborted) this.problem = (error as Error).message
      return false
    }
  }

  /**
   * Calls `work` now, and once in each interval while the page is visible. Returns a function that calls `work` at once, or right after the
   * call that runs. Only one call runs at a time, so that an older answer never replaces a newer one.
   */
  protected poll(interval: number, work: () => Promise<unknown>, signal: AbortSignal): () => void {
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
          this.staleReason = null
        } catch (error) {
          if (!signal.aborted) this.staleReason = (error as Error).message
        }
      }
      isBusy = false
    }
    this.#every(interval, () => !isBusy && document.visibilityState === 'visible' && void run(), signal)
    void run()
    return () => void run()
  }

  #every(interval: number, work: () => void, signal: AbortSignal): void {
    const timer = setInterval(work, interval)
    signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  }
}
