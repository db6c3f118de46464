import type { Message } from '../../../protocol/index.js'
import type { InboxPage, InboxState, MessagePage, UserRef } from '../../engine.js'
import type { StepRunner } from '../step-runner.js'
import type { Returns, Takes } from '../steps.js'

/** Returns the limit as an argument for Redis, which does not understand `Infinity`, and returns no list for 0. */
const countOf = (limit: number): number => Math.min(Math.max(1, limit), 1_000_000)

/** Reads the messages of inboxes. */
export class InboxReads {
  readonly #runner: StepRunner

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  async state(of: UserRef): Promise<InboxState> {
    const [, , ...state] = await this.#read(of, 0, null, null)
    return this.#runner.epochs.inboxOf(of, state)
  }

  async after(
    of: UserRef,
    { epoch, offset }: { epoch?: string | undefined; offset: number },
    limit: number,
  ): Promise<MessagePage> {
    const number = epoch === undefined ? 'any' : this.#runner.epochs.numberOf(of, epoch)
    const reply = await this.#read(of, countOf(limit), offset, number)
    return { ...this.#pageOf(of, reply, limit), lost: reply[1] === 1 }
  }

  async before(of: UserRef, before: number | null, limit: number): Promise<InboxPage> {
    return this.#pageOf(of, await this.#read(of, countOf(limit), before, null), limit)
  }

  #read(of: UserRef, ...args: Takes<'readInbox'>): Promise<Returns<'readInbox'>> {
    return this.#runner.onUser(this.#runner.steps.readInbox, of, args)
  }

  #pageOf(of: UserRef, [found, , ...state]: Returns<'readInbox'>, limit: number): InboxPage {
    const messages = found.slice(0, limit).map((json) => JSON.parse(json) as Message)
    return { messages, inbox: this.#runner.epochs.inboxOf(of, state) }
  }
}
