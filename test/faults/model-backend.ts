import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Publication } from '../../src/gateway/index.js'
import { appId } from './gateway-process.js'
import type { Order, GatewayReply } from './model-gateway.js'

const script = fileURLToPath(new URL('model-gateway.ts', import.meta.url))
const children = new Set<ChildProcess>()
after(() => children.forEach((child) => child.kill('SIGKILL')))

const newChild = (): ChildProcess => {
  const child = fork(script, { execArgv: ['--import', import.meta.resolve('tsx')] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** Loaded before a test waits for it. */
let spare: ChildProcess | undefined

/** A gateway that dies and comes back on one folder, and the app's backend, which publishes until each message is acknowledged. */
export class Backend {
  /** Where it listens now; nowhere while it is away. */
  url = 'http://127.0.0.1:1'
  /** What is published and not yet confirmed. */
  readonly waiting = new Map<string, Publication>()
  #child: ChildProcess | undefined
  #count = 0
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async start(): Promise<void> {
    const child = (this.#child = spare ?? newChild())
    spare = newChild()
    const listening = new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`The gateway ended with ${code}.`)))
      child.on('message', (reply: GatewayReply) => {
        if ('url' in reply) {
          this.url = reply.url
          resolve()
        } else if (reply.error === undefined) this.waiting.delete(reply.id)
      })
    })
    this.#order({ folder: this.#folder })
    await listening
    for (const publish of this.waiting.values()) this.#order({ publish })
  }

  /** By SIGKILL, or after it has sent everybody away. */
  async stop(how: 'kill' | 'close'): Promise<void> {
    const child = this.#child
    if (!child) return
    const exit = once(child, 'exit')
    if (how === 'kill') child.kill('SIGKILL')
    else this.#order('close')
    await exit
  }

  /** Says it so many times, under one id. */
  publish(to: string, body: string, times: number): void {
    const publication = { appId, to, body, id: `published ${this.#count++}` }
    this.waiting.set(publication.id, publication)
    while (times-- > 0) this.#order({ publish: publication })
  }

  #order(order: Order): void {
    // Orders that a killed process did not answer go to the next process.
    if (this.#child?.connected) this.#child.send(order, () => undefined)
  }
}
