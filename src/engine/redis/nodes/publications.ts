import type { StepRunner } from '../step-runner.js'

/**
 * Milliseconds that a published text may take to arrive. The text, and the reply with the text's number, come on different connections, so
 * perhaps the reply comes first.
 */
const ARRIVAL_TIME = 1_000
/**
 * How many numbers are remembered at most. Each restart of a server, and each version of the scripts, begins a new run of numbers
 * (`scripts/state/publish.ts`), and without a bound the numbers of old runs would pile up.
 */
const MAX_NUMBERS = 10_000

export interface PublicationsOptions {
  runner: StepRunner
  /** The name of this node. */
  name: string
  /** Called when a published text did not reach this node. */
  onMissed: () => void
}

/**
 * Notices texts that scripts have published to this node and that did not arrive. Each server numbers what it publishes in a channel, so a
 * gap in the numbers shows that texts were lost. If no text follows a lost one, there is no gap, so the node also asks the servers for
 * their numbers. That costs a call for each server and node, however many users the node has.
 */
export class Publications {
  readonly #options: PublicationsOptions
  /** The names of this node's channels. */
  readonly #names: readonly string[]
  /** The number of the last text, by the server's run and the channel's name. */
  readonly #numbers = new Map<string, number>()
  #isClosed = false

  constructor(options: PublicationsOptions) {
    this.#options = options
    this.#names = [options.runner.nodeId, 'all', `name:${options.name}`]
  }

  /** Returns the text that was published, without its number. */
  receive(channel: string, published: string): string {
    const [, run = '', digits = '', text = ''] = /^(\S+) (\d+) (.*)$/s.exec(published) ?? []
    const name = channel.slice(channel.lastIndexOf('channel:') + 'channel:'.length)
    const [key, number] = [`${run} ${name}`, Number(digits)]
    // If this node does not know the run, the run has just begun. Its first text has the number 1.
    const last = this.#numbers.get(key) ?? 0
    this.#note(key, number)
    if (number > last + 1) this.#options.onMissed()
    return text
  }

  /** Reads the numbers of the last texts that were published before this node opened. */
  async open(): Promise<void> {
    for (const [key, number] of await this.#read()) this.#note(key, number)
  }

  /** Asks the servers for their numbers. A text that has not arrived a second later counts as missed. */
  async check(): Promise<void> {
    const published = await this.#read()
    // The next check may come sooner. If it stopped this timer, checks at such an interval would find nothing.
    setTimeout(() => {
      if (this.#isClosed) return
      const isMissing = [...published].some(([key, number]) => number > (this.#numbers.get(key) ?? 0))
      for (const [key, number] of published) this.#note(key, number)
      if (isMissing) this.#options.onMissed()
    }, ARRIVAL_TIME).unref()
  }

  close(): void {
    this.#isClosed = true
  }

  #note(key: string, number: number): void {
    // A text that comes late or twice must not lower the number.
    const last = this.#numbers.get(key) ?? 0
    // Without the numbers the next text seems to follow lost ones, which costs one comparison.
    if (this.#numbers.size >= MAX_NUMBERS) this.#numbers.clear()
    this.#numbers.set(key, Math.max(last, number))
  }

  async #read(): Promise<Map<string, number>> {
    const { runner } = this.#options
    const found = new Map<string, number>()
    await Promise.all(
      runner.partitionOfEachServer().map(async (partition) => {
        const [run, ...numbers] = await runner.onPartition(runner.steps.published, partition, this.#names)
        this.#names.forEach((name, n) => found.set(`${run} ${name}`, numbers[n] ?? 0))
      }),
    )
    return found
  }
}
