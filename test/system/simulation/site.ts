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
import type { createExclusiveEngine } from '../../../src/engine/exclusive/exclusive-engine.js'
import type { createGateway, Gateway, GatewayConfig } from '../../../src/gateway/index.js'
import type { createMetrics } from '../../../src/gateway/metrics/metrics.js'
import type { createPushes, Pushes } from '../../../src/gateway/push/pushes.js'
import type { createTracing } from '../../../src/gateway/tracing/tracing.js'
import type { RestCalls } from '../../../src/rest-client/index.js'
import type { ChatSession } from '../../../src/session/index.js'
import type { decryptPush } from '../../support/push/push-service.js'
import { Disk } from './disk.js'
import type { Network } from './network.js'
import type { Phones } from './phones.js'
import type { Owner } from './timers.js'
import type { World } from './world.js'

export const APP = 'app'
export const SECRET = 'a secret of at least 32 bytes, for tests'

/** The modules under test, imported when the world has taken the clock. */
export interface Modules {
  createGateway: typeof createGateway
  createExclusiveEngine: typeof createExclusiveEngine
  ChatSession: typeof ChatSession
  webhookEventTypes: typeof webhookEventTypes
  createMetrics: typeof createMetrics
  createPushes: typeof createPushes
  createTracing: typeof createTracing
  decryptPush: typeof decryptPush
}

export const importModules = async (): Promise<Modules> => {
  const { createGateway } = await import('../../../src/gateway/index.js')
  const { createExclusiveEngine } = await import('../../../src/engine/exclusive/exclusive-engine.js')
  const { ChatSession } = await import('../../../src/session/index.js')
  const { webhookEventTypes } = await import('../../../src/engine/engine.js')
  const { createMetrics } = await import('../../../src/gateway/metrics/metrics.js')
  const { createPushes } = await import('../../../src/gateway/push/pushes.js')
  const { createTracing } = await import('../../../src/gateway/tracing/tracing.js')
  const { decryptPush } = await import('../../support/push/push-service.js')
  const push = { createMetrics, createPushes, createTracing, decryptPush }
  return { createGateway, createExclusiveEngine, ChatSession, webhookEventTypes, ...push }
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

/** One machine: its disk, and the gateway's process while there is one. */
export class Site {
  readonly #world: World
  readonly #network: Network
  readonly #modules: Modules
  readonly #note: (text: string) => void
  readonly #limits: AppLimits
  /** Undefined if nothing is pushed. */
  readonly #phones: Phones | undefined
  readonly disk: Disk
  /** What the app's backend was sent, in the order of arrival. */
  readonly delivered: PendingEvent['event'][] = []
  /** Errors in the gateway's log. */
  readonly errors: string[] = []
  /** Called when a process has opened its engine. */
  onReady: () => void = () => undefined
  #process: Process | undefined
  #count = 0

  constructor(
    world: World,
    network: Network,
    modules: Modules,
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
    this.disk = new Disk(world)
  }

  /** The engine of the process that runs; undefined if none does, or if it is not ready. */
  get engine(): Engine | undefined {
    return this.#process?.engine
  }

  /** The REST calls of the gateway that runs. */
  get client(): ((appId: string) => RestCalls) | undefined {
    return this.#process?.gateway.client
  }

  get isRunning(): boolean {
    return this.#process !== undefined
  }

  async start(): Promise<void> {
    if (this.#process) return
    const owner: Owner = { name: `gateway ${++this.#count}`, alive: true }
    const { createGateway, createExclusiveEngine } = this.#modules
    const write = (line: string): void => {
      const { err } = JSON.parse(line) as { err?: { type: string } }
      // The engine says so whenever its disk fails.
      if (err?.type !== 'EngineError') this.errors.push(line)
    }
    await this.#world.as(owner, async () => {
      const engine = this.#withWebhooks(
        createExclusiveEngine(() => this.disk.open(), { onError: (cause) => this.#onEngineError(cause) }),
        (user) => pushes?.onDue(user),
      )
      const pushes = this.#phones?.pushesFor(engine)
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
      const gateway = createGateway(config, {
        engine,
        env: {},
        log: pino({ level: 'error' }, { write }),
      })
      this.#process = { owner, engine, gateway, pushes }
      gateway.attach(server)
      this.#network.listener = { owner, server }
      await gateway.ready().then(
        () => this.onReady(),
        () => undefined,
      )
      void this.#deliver(owner, engine)
      void this.#subscribe(owner, engine)
    })
  }

  #onEngineError(cause: unknown): void {
    if ((cause as Error).name === 'EngineError' || /disk|sync|closed/i.test(String(cause))) return
    this.errors.push(`engine: ${(cause as Error).stack ?? String(cause)}`)
  }

  /** Ends the process without a word to anyone. */
  crash(kind: 'power' | 'process'): void {
    if (!this.#process) return
    this.#process.owner.alive = false
    this.#process = undefined
    this.#network.endListener(true)
    this.disk.crash(kind)
  }

  /** Drains and ends the process, as SIGTERM does. Rejects if timers are left. */
  async close(): Promise<void> {
    const running = this.#process
    if (!running) return
    this.#process = undefined
    const { owner, gateway, pushes } = running
    await this.#world.as(owner, () => Promise.all([pushes?.close(1_000), gateway.close()]))
    owner.alive = false
    if (this.#network.listener?.owner === owner) this.#network.endListener(false)
  }

  get owner(): Owner | undefined {
    return this.#process?.owner
  }

  /** Ends the process as `close` does, and leaves its owner, so that its timers can be counted. */
  async closeForGood(): Promise<void> {
    const running = this.#process
    if (!running) return
    this.#process = undefined
    await this.#world.as(running.owner, () =>
      Promise.all([running.pushes?.close(1_000), running.gateway.close()]),
    )
    this.#network.listener = undefined
  }

  /** Subscribes the phones as soon as the disk takes it. */
  async #subscribe(owner: Owner, engine: Engine): Promise<void> {
    while (this.#phones && owner.alive && this.#process?.owner === owner) {
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
    while (owner.alive && this.#process?.owner === owner) {
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
