import { createServer } from 'node:http'
import { pino } from 'pino'
import type {
  AppOptions,
  Engine,
  EngineEvent,
  PendingEvent,
  UserRef,
  webhookEventTypes,
} from '../../../src/engine/engine.js'
import type { Gateway, GatewayConfig } from '../../../src/gateway/index.js'
import type { Pushes } from '../../../src/gateway/push/pushes.js'
import type { ChatSession } from '../../../src/session/index.js'
import type { decryptPush } from '../../support/push/push-service.js'
import type { simulatedClient } from '../../support/redis/simulated/client.js'
import type { SimulatedServer } from '../../support/redis/simulated/server.js'
import type * as gatewayProcess from './gateway-process.js'
import type { Network } from './network.js'
import type { Phones } from './phones.js'
import type { Owner } from './timers.js'
import type { World } from './world.js'

export const APP = 'app'
export const SECRET = 'a secret of at least 32 bytes, for tests'

/** The modules of a gateway's process. */
export type ProcessModules = typeof gatewayProcess

/** The modules that the whole simulation has once, imported when the world has taken the clock. */
export interface Modules {
  SimulatedServer: typeof SimulatedServer
  simulatedClient: typeof simulatedClient
  ChatSession: typeof ChatSession
  webhookEventTypes: typeof webhookEventTypes
  decryptPush: typeof decryptPush
}

export const importModules = async (): Promise<Modules> => {
  const { SimulatedServer } = await import('../../support/redis/simulated/server.js')
  const { simulatedClient } = await import('../../support/redis/simulated/client.js')
  const { ChatSession } = await import('../../../src/session/index.js')
  const { webhookEventTypes } = await import('../../../src/engine/engine.js')
  const { decryptPush } = await import('../../support/push/push-service.js')
  return { SimulatedServer, simulatedClient, ChatSession, webhookEventTypes, decryptPush }
}

/** Imports the modules for a process. `scripts/simulate.mjs` compiles them into one file beside that of this module. */
const importForProcess = (number: number): Promise<ProcessModules> =>
  import(new URL(`./gateway-process.mjs?${number}`, import.meta.url).href) as Promise<ProcessModules>

/** What the gateways keep their data in. */
export interface Medium {
  /** How many gateways share it. */
  readonly nodes: number
  /** Whether nothing is wrong with it. */
  readonly isWell: boolean
  engineFor(owner: Owner, modules: ProcessModules, onError: (cause: unknown) => void): Engine
  /** A gateway's process was killed, and perhaps its machine has lost its power. */
  crash(kind: 'power' | 'process', owner: Owner): void
  goOn(): void
}

interface Process {
  owner: Owner
  engine: Engine
  gateway: Gateway
  pushes: Pushes | undefined
}

/** Limits of the app that a simulation may make small. */
interface AppLimits {
  messages: number
  sessionsPerUser: number
}

/** The processes of the gateways that run, and what their backend is sent. */
export class Site {
  readonly #world: World
  readonly #network: Network
  readonly #modules: Modules
  readonly #note: (text: string) => void
  readonly #limits: AppLimits
  /** Undefined if nothing is pushed. */
  readonly #phones: Phones | undefined
  readonly medium: Medium
  /** What the app's backend was sent, in the order of arrival. */
  readonly delivered: PendingEvent['event'][] = []
  /** Errors in the gateway's log. */
  readonly errors: string[] = []
  /** Called when a process has opened its engine. */
  onReady: (running: Process) => void = () => undefined
  /** Called when a process has ended, or loses its power or its connection to others. */
  onEnd: (owner: Owner) => void = () => undefined
  readonly #processes: Process[] = []
  #count = 0

  constructor(
    world: World,
    network: Network,
    modules: Modules,
    medium: Medium,
    limits: AppLimits,
    phones: Phones | undefined,
    note: (text: string) => void,
  ) {
    this.#phones = phones
    this.#note = note
    this.#limits = limits
    this.#world = world
    this.#network = network
    this.#modules = modules
    this.medium = medium
  }

  /** The processes that run, but for those that are paused. */
  get running(): readonly Process[] {
    return this.#processes.filter(({ owner }) => !owner.held)
  }

  /** Returns one of the processes that run; undefined if none does. */
  any(): Process | undefined {
    return this.#world.random.any(this.running)
  }

  /** Starts as many processes as there are to be. */
  startAll(): void {
    for (let n = this.#processes.length; n < this.medium.nodes; n++) void this.start()
  }

  async start(): Promise<void> {
    if (this.#processes.length === this.medium.nodes) return
    const number = ++this.#count
    const owner: Owner = { name: `gateway ${number}`, alive: true }
    const modules = await this.#world.real(() => importForProcess(number))
    const write = (line: string): void => {
      const { err } = JSON.parse(line) as { err?: { type: string } }
      // The engine says so whenever its disk fails.
      if (owner.alive && err?.type !== 'EngineError') this.errors.push(line)
    }
    await this.#world.as(owner, async () => {
      const engine = this.#withWebhooks(
        this.medium.engineFor(owner, modules, (cause) => this.#onEngineError(owner, cause)),
        (user) => pushes?.onDue(user),
      )
      const pushes = this.#phones?.pushesFor(engine, modules)
      const { messages, sessionsPerUser } = this.#limits
      const config: GatewayConfig = {
        apps: {
          [APP]: {
            environment: 'test',
            secrets: [SECRET],
            retention: { messages },
            presence: 'anyone',
            ...(pushes && { push: { subject: 'mailto:ops@example.com', url: 'https://www.example.com/' } }),
            limits: { messagesPerSecond: 50, sessionsPerUser },
          },
        },
      }
      const server = createServer()
      const gateway = modules.createGateway(config, {
        engine,
        env: {},
        log: pino({ level: 'error' }, { write }),
      })
      const running: Process = { owner, engine, gateway, pushes }
      this.#processes.push(running)
      gateway.attach(server)
      this.#network.listeners.push({ owner, server })
      await this.#askReady(running)
      void this.#deliver(owner, engine)
      void this.#subscribe(owner, engine)
    })
  }

  /** Asks whether a gateway is ready. A load balancer of several asks each of them again and again: one that no client asks opens no engine. */
  async #askReady(running: Process): Promise<void> {
    try {
      await running.gateway.ready()
      this.onReady(running)
    } catch {
      if (this.medium.nodes === 1 || !this.#isRunning(running.owner)) return
      setTimeout(() => void this.#askReady(running), 1_000)
    }
  }

  #onEngineError(owner: Owner, cause: unknown): void {
    if (
      !owner.alive ||
      (cause as Error).name === 'EngineError' ||
      /disk|sync|closed|simulated server|connection was lost/i.test(String(cause))
    )
      return
    this.errors.push(`engine: ${(cause as Error).stack ?? String(cause)}`)
  }

  /** Ends a process without a word to anyone. */
  crash(kind: 'power' | 'process'): void {
    const running = this.#world.random.any(this.#processes)
    if (!running) return
    const { owner } = this.#remove(running)
    this.#end(owner)
    this.#network.endListener(owner, true)
    this.medium.crash(kind, owner)
  }

  /** Drains and ends a process, as SIGTERM does. Rejects if timers are left. */
  async close(): Promise<void> {
    const running = this.any()
    if (!running) return
    const { owner } = running
    await this.#close(running)
    this.#end(owner)
    if (this.#network.listeners.some((listener) => listener.owner === owner))
      this.#network.endListener(owner, false)
  }

  /** Ends all processes as `close` does, and leaves their owners, so that their timers can be counted. */
  async closeForGood(): Promise<void> {
    await Promise.all(
      [...this.#processes].map(async (running) => {
        await this.#close(running)
        this.#network.removeListener(running.owner)
      }),
    )
  }

  async #close(running: Process): Promise<void> {
    const { owner, gateway, pushes } = this.#remove(running)
    await this.#world.as(owner, () => Promise.all([pushes?.close(1_000), gateway.close()]))
  }

  #remove(running: Process): Process {
    this.#processes.splice(this.#processes.indexOf(running), 1)
    return running
  }

  #end(owner: Owner): void {
    Object.assign(owner, { alive: false, endedAt: Date.now() })
    this.onEnd(owner)
  }

  #isRunning(owner: Owner): boolean {
    return owner.alive && this.#processes.some((running) => running.owner === owner)
  }

  /** Subscribes the phones as soon as the disk takes it. */
  async #subscribe(owner: Owner, engine: Engine): Promise<void> {
    while (this.#phones && this.#isRunning(owner)) {
      try {
        return await this.#phones.subscribe(engine)
      } catch (error) {
        if ((error as Error).name !== 'EngineError') throw error
        await new Promise((resolve) => setTimeout(resolve, 1_000))
      }
    }
  }

  /**
   * An engine whose app has webhooks, though the config of the gateway has none: no request leaves the simulation. What is due to devices
   * is told to `onPushDue` in place of the gateway.
   */
  #withWebhooks(engine: Engine, onPushDue: (user: UserRef) => void): Engine {
    const webhooks: AppOptions['webhooks'] = {
      events: this.#modules.webhookEventTypes,
      unreadAfter: 30_000,
    }
    return new Proxy(engine, {
      get(target, property): unknown {
        if (property === 'configure')
          return (appId: string, options: AppOptions) => target.configure(appId, { ...options, webhooks })
        if (property === 'listen')
          return (listener: (event: EngineEvent) => void, signal: AbortSignal) =>
            target.listen(
              (event) => (event.type === 'push-due' ? onPushDue(event.user) : listener(event)),
              signal,
            )
        const value: unknown = Reflect.get(target, property)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }

  /** The app's backend: takes what is due, and answers after some time; sometimes its answer is lost. */
  async #deliver(owner: Owner, engine: Engine): Promise<void> {
    const { random } = this.#world
    const wait = (milliseconds: number): Promise<void> =>
      new Promise((resolve) => setTimeout(resolve, milliseconds))
    while (this.#isRunning(owner)) {
      await wait(random.between(50, 1_500))
      try {
        for (const { event } of await engine.takeDueEvents(APP, 20, 30_000)) {
          await wait(random.between(1, 60))
          this.delivered.push(event)
          this.#note(
            `the backend hears of ${event.type} of ${event.userId}: ${JSON.stringify(event.data)}, ${event.id}`,
          )
          const outcome = random.chance(0.05)
            ? { retryAfter: 1_000, error: 'The answer was lost.' }
            : ({ delivered: true } as const)
          await engine.endDelivery(APP, event.userId, event.id, outcome)
        }
      } catch (error) {
        if ((error as Error).name !== 'EngineError') throw error
      }
    }
  }
}
