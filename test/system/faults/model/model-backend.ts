import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { NewMessage } from '../../../../src/gateway/index.js'
import { appId } from '../../../support/tokens.js'
import { forkModule } from '../fork-module.js'
import type { Order, GatewayReply } from './model-gateway.js'

const GATEWAY = new URL('model-gateway.ts', import.meta.url)

/** The next gateway process. It loads its modules before a test needs it. */
let spare: ChildProcess | undefined

/**
 * A gateway that is killed and started again on one folder, and the app's backend, which publishes each message until it is acknowledged.
 */
export class Backend {
  /** The gateway's address. While it is down, a port that refuses connections. */
  url = 'http://127.0.0.1:1'
  /** Publications that are not acknowledged yet. */
  readonly waiting = new Map<string, NewMessage & { appId: string }>()
  /** How many messages the gateways have sent a second time. */
  repeats = 0
  #child: ChildProcess | undefined
  #count = 0
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async start(): Promise<void> {
    const child = (this.#child = spare ?? forkModule(GATEWAY))
    spare = forkModule(GATEWAY)
    const listening = new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`The gateway ended with ${code}.`)))
      child.on('message', (reply: GatewayReply) => {
        if ('url' in reply) {
          this.url = reply.url
          resolve()
        } else if ('repeated' in reply) this.repeats += 1
        else if (reply.error === undefined) this.waiting.delete(reply.id)
      })
    })
    this.#order({ folder: this.#folder })
    await listening
    for (const publish of this.waiting.values()) this.#order({ publish })
  }

  /** Stops the gateway: by SIGKILL, or by a drain. */
  async stop(how: 'kill' | 'close'): Promise<void> {
    const child = this.#child
    if (!child) return
    const exit = once(child, 'exit')
    if (how === 'kill') child.kill('SIGKILL')
    else this.#order('close')
    await exit
  }

  /** Publishes a message `times` times, with one id. */
  publish(to: string, body: string, times: number): void {
    const publication = { appId, to, body, id: `published ${this.#count++}` }
    this.waiting.set(publication.id, publication)
    while (times-- > 0) this.#order({ publish: publication })
  }

  #order(order: Order): void {
    // The next process gets the orders that a killed process did not answer.
    if (this.#child?.connected) this.#child.send(order, () => undefined)
  }
}
