import { call } from './backend.js'

/** How a line may be: up, slow by so many milliseconds each way, or down for so many milliseconds. */
export const conditions = {
  up: { delay: 0, down: 0 },
  slow: { delay: 1_000, down: 0 },
  away: { delay: 0, down: 5_000 },
  down: { delay: 0, down: 3_600_000 },
} as const
export type Condition = keyof typeof conditions

/**
 * One session's own way to the gateway, which the development gateway can really cut, slow down or close. Tells of every
 * change by `change`.
 */
export class Line extends EventTarget {
  readonly name: string = crypto.getRandomValues(new BigUint64Array(2)).join('-')
  #condition: Condition = 'up'
  #until = 0
  #mending: ReturnType<typeof setTimeout> | undefined

  /** Where a session that goes over it connects to. */
  get endpoint(): string {
    return `${location.origin}/dev/lines/${this.name}`
  }

  get condition(): Condition {
    return this.#condition
  }

  /** Unix time in milliseconds at which it comes up by itself; null where it doesn't. */
  get until(): number | null {
    return this.#condition === 'away' ? this.#until : null
  }

  async set(condition: Condition): Promise<void> {
    const { delay, down } = conditions[condition]
    clearTimeout(this.#mending)
    await call(`/dev/lines/${this.name}?delay=${delay}&down=${down}`, 'POST')
    this.#until = Date.now() + down
    if (condition === 'away') this.#mending = setTimeout(() => this.#become('up'), down)
    this.#become(condition)
  }

  /** Every connection is lost; the next one may come at once. */
  async cut(): Promise<void> {
    await call(`/dev/lines/${this.name}/cut`, 'POST')
  }

  #become(condition: Condition): void {
    this.#condition = condition
    this.dispatchEvent(new Event('change'))
  }
}
