import { BriefMap } from '../../../util/brief-map.js'
import type { SendResult } from '../../engine.js'

interface Waiting<Send> {
  readonly send: Send
  readonly resolve: (result: SendResult) => void
  readonly reject: (error: unknown) => void
}

/**
 * Sends the first of some messages, and perhaps those behind it in the same call. Calls `done` with the result of each that it has sent, in
 * their order. Rejects if the message behind those could not be sent.
 */
export type SendFirst<Send> = (sends: readonly Send[], done: (result: SendResult) => void) => Promise<void>

/** How many messages one call sends at most. While they are stored, other calls to the server wait. */
const MOST_TOGETHER = 16

/** After these results the caller may send the message again. Messages that wait behind it must not overtake the repetition. */
const MAY_BE_REPEATED: readonly SendResult['outcome'][] = ['full', 'limited']

/**
 * The messages of each user wait in a lane for those before them. Otherwise a script could overtake an earlier script that the Redis client
 * sends again, after a lost connection or while a slot moves. If a message can't be sent, or its result is one of `MAY_BE_REPEATED`, all
 * that wait in its lane get the same answer.
 */
export class SendLanes<Send> {
  readonly #lanes = new BriefMap<Waiting<Send>[]>()
  readonly #sendFirst: SendFirst<Send>

  constructor(sendFirst: SendFirst<Send>) {
    this.#sendFirst = sendFirst
  }

  send(key: string, send: Send): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      const waiting = { send, resolve, reject }
      const lane = this.#lanes.get(key)
      if (lane) lane.push(waiting)
      else void this.#serve(key, [waiting])
    })
  }

  /** Never rejects. */
  async #serve(key: string, lane: Waiting<Send>[]): Promise<void> {
    this.#lanes.set(key, lane)
    /** Answers all that wait. Messages from now on do not wait for the failed one. */
    const answerAll = (answer: (waiting: Waiting<Send>) => void): void => {
      this.#lanes.delete(key)
      lane.splice(0).forEach(answer)
    }
    while (lane.length > 0) {
      const sends = lane.slice(0, MOST_TOGETHER).map(({ send }) => send)
      try {
        await this.#sendFirst(sends, (result) => {
          lane.shift()?.resolve(result)
          if (MAY_BE_REPEATED.includes(result.outcome)) answerAll(({ resolve }) => resolve(result))
        })
      } catch (error) {
        answerAll(({ reject }) => reject(error))
      }
    }
    if (this.#lanes.get(key) === lane) this.#lanes.delete(key)
  }
}
