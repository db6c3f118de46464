import { randomInt } from 'node:crypto'
import { withTimeout } from '../../../util/with-timeout.js'
import { EngineError } from '../../errors.js'
import type { AttachedUsers, Seen } from '../messages/attached-users.js'
import type { StepRunner } from '../step-runner.js'
import type { SessionId, WireEvent, WireEventOf } from '../wire-event.js'

/** Milliseconds until an answer must have arrived. They exceed the 10 seconds for which the other node may delay a client's frames. */
const TIMEOUT = 15_000
/** Milliseconds until an answer to the engine's own question (`askSeen`) must have arrived. */
const SEEN_TIMEOUT = 2_000

/** The form of a node's name. `ask` gets it from a client, who may send any text. `ask` resolves with null for a text of another form. */
const NAME = /^[\w-]{1,64}$/

class NoAnswer extends EngineError {
  constructor() {
    super('unavailable', 'The other gateway did not answer in time.')
  }
}

interface Question {
  resolve(answer: string): void
  reject(error: EngineError): void
}

export interface NodeCallsOptions {
  runner: StepRunner
  /** The name of this node. */
  name: string
  /** Answers a question of another node. */
  answer: (question: string) => Promise<string>
  attached: AttachedUsers
  onError: (error: unknown) => void
}

/** Questions to other nodes, and the answers. A question or an answer is published on a channel of the node that shall receive it. */
export class NodeCalls {
  readonly #options: NodeCallsOptions
  readonly #questions = new Map<number, Question>()
  /**
   * The id of the latest question. The first one is random: an answer to a question from before the engine was opened again may still come,
   * because the node has the same name.
   */
  #lastId = randomInt(2 ** 47)

  constructor(options: NodeCallsOptions) {
    this.#options = options
  }

  /** Asks a node. Resolves with null if there is no node of this name. Rejects with `unavailable` if there is no answer. */
  async ask(node: string, question: string): Promise<string | null> {
    if (!NAME.test(node)) return null
    return this.#ask(`name:${node}`, question, TIMEOUT)
  }

  /**
   * Asks the node with this id when the clients of these sessions were last seen. Resolves with null if the node does not exist, or does not
   * answer in time. Rejects if the question fails.
   */
  async askSeen(nodeId: string, sessions: readonly SessionId[]): Promise<(Seen | null)[] | null> {
    const answer = await this.#ask(nodeId, sessions, SEEN_TIMEOUT).catch((error: unknown) => {
      if (error instanceof NoAnswer) return null
      throw error
    })
    return answer === null ? null : (JSON.parse(answer) as (Seen | null)[])
  }

  async onAsked({ from, id, question }: WireEventOf<'asked'>): Promise<void> {
    const { answer, attached, onError } = this.#options
    let text: string | null = null
    try {
      text = typeof question === 'string' ? await answer(question) : JSON.stringify(attached.seen(question))
    } catch (error) {
      onError(error)
    }
    await this.#tell(`name:${from}`, { type: 'answered', id, answer: text }).catch(onError)
  }

  /** `answer` is null if the other node failed. */
  onAnswered({ id, answer }: WireEventOf<'answered'>): void {
    const question = this.#questions.get(id)
    if (answer !== null) question?.resolve(answer)
    else question?.reject(new EngineError('unavailable', 'The other gateway failed to answer.'))
  }

  close(): void {
    for (const { reject } of this.#questions.values())
      reject(new EngineError('unavailable', 'The engine was closed before the other gateway answered.'))
  }

  async #ask(
    channel: string,
    question: WireEventOf<'asked'>['question'],
    timeout: number,
  ): Promise<string | null> {
    const id = ++this.#lastId
    const answered = new Promise<string>((resolve, reject) => this.#questions.set(id, { resolve, reject }))
    const answer = withTimeout(answered, timeout, () => new NoAnswer())
    // If `#tell` fails before the answer is awaited, Node would report a rejection as unhandled without this handler.
    answer.catch(() => undefined)
    try {
      const event: WireEvent = { type: 'asked', from: this.#options.name, id, question }
      return (await this.#tell(channel, event)) ? await answer : null
    } finally {
      // This ends the timer, too.
      this.#questions.get(id)?.resolve('')
      this.#questions.delete(id)
    }
  }

  /** Resolves with whether a node received the event. */
  async #tell(channel: string, event: WireEvent): Promise<boolean> {
    const { runner } = this.#options
    const [count] = await runner.onPartition(runner.steps.tellNode, 0, [channel, JSON.stringify(event)])
    return count > 0
  }
}
