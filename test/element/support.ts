// Shared by the element's tests: a gateway per file, elements in the page, and waiting for events and conditions.
import type {} from 'mocha'
import { SessionStateEvent, type ChatSessionElement } from '../../src/element/define.js'
import { eventClasses } from '../../src/element/events/event-map.js'
import type { GatewayConfig } from '../../src/gateway/config/types.js'
import { createSignature, createToken } from '../../src/tokens/index.js'
import {
  connectionsAt,
  startGateway,
  stopGateway,
  type Connections,
  type GatewayRequest,
} from '../support/gateway/gateway-commands.js'
import { until } from '../support/until.js'

const secret = 'a secret of at least 32 bytes, for tests'
const signatureSecret = 'another of at least 32 bytes, for signatures'

/** Milliseconds after which waiting fails. */
const TIMEOUT = 30_000

type ElementProperties = Partial<Omit<ChatSessionElement, 'style' | 'children'>>
type Events = HTMLElementEventMap

/** Resolves with the next event of this type. Fails after the timeout. */
export const nextEvent = <K extends keyof Events>(target: EventTarget, type: K): Promise<Events[K]> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`There was no ${type}.`)), TIMEOUT)
    const listener = (event: Event): void => {
      clearTimeout(timer)
      resolve(event as Events[K])
    }
    target.addEventListener(type, listener, { once: true })
  })

/**
 * Changes the profile and waits for the gateway's answer, a `session-user`. When it comes, the gateway has handled everything that was
 * sent before.
 */
export const roundTrip = async (
  element: ChatSessionElement,
  target: EventTarget = element,
): Promise<void> => {
  const name = crypto.randomUUID()
  const changed = nextEvent(target, 'session-user')
  element.setAttribute('user-name', name)
  const { user } = (await changed).detail
  if (user.name !== name) throw new Error(`The name is ${user.name ?? 'absent'} instead of ${name}.`)
}

/** Collects the names of the element's events as they come, with the state: `state:active`, `started`. */
export const listenTo = (target: EventTarget, signal?: AbortSignal): string[] => {
  const names: string[] = []
  for (const type of [...Object.keys(eventClasses), 'session-token-needed'])
    target.addEventListener(
      type,
      (event) => {
        const name = type.slice('session-'.length)
        names.push(event instanceof SessionStateEvent ? `${name}:${event.detail.state}` : name)
      },
      { ...(signal && { signal }) },
    )
  return names
}

/** Follows the listeners that are added to these targets and removed by name, until `stop` is called. `left` returns their types. */
export const followListeners = (
  ...targets: EventTarget[]
): { left(): string[]; added(): number; stop(): void } => {
  const left: { target: EventTarget; type: string; listener: unknown }[] = []
  let added = 0
  for (const target of targets) {
    const { addEventListener, removeEventListener } = target
    target.addEventListener = (...args: Parameters<EventTarget['addEventListener']>) => {
      added += 1
      left.push({ target, type: args[0], listener: args[1] })
      addEventListener.apply(target, args)
    }
    target.removeEventListener = (...args: Parameters<EventTarget['removeEventListener']>) => {
      const index = left.findIndex(
        (each) => each.target === target && each.type === args[0] && each.listener === args[1],
      )
      if (index >= 0) left.splice(index, 1)
      removeEventListener.apply(target, args)
    }
  }
  return {
    left: () => [...new Set(left.map(({ type }) => type))],
    added: () => added,
    stop() {
      for (const target of targets)
        for (const name of ['addEventListener', 'removeEventListener']) Reflect.deleteProperty(target, name)
    },
  }
}

/** Resolves in a later task, after those that are queued. */
export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

/** Makes an element with these properties, outside of the page. */
export const make = (properties: ElementProperties): ChatSessionElement =>
  Object.assign(document.createElement('chat-session'), { appId: 'app' }, properties)

export interface TestGateway {
  /** The URL that it listens on. */
  readonly url: string
  make(properties: ElementProperties): ChatSessionElement
  /** Puts an element into the page. */
  mount(properties: ElementProperties, parent?: ParentNode): ChatSessionElement
  /** Puts an element with a good token into the page, and waits until its session is active. */
  active(userId: string, properties?: ElementProperties): Promise<ChatSessionElement>
  connections(): Promise<Connections>
  token(userId: string, expiresIn?: number): Promise<string>
  signature(userId: string): Promise<string>
}

/** Runs a gateway for the tests of a file. After each test it removes every element and waits until every connection is closed. */
export const useGateway = (options: Omit<GatewayRequest, 'config'> = {}): TestGateway => {
  let url = ''
  before(async () => {
    // A test that sends a thousand messages would wait for the rate limit.
    const limits = { messagesPerSecond: 10_000 }
    const apps: GatewayConfig['apps'] = {
      app: { environment: 'test', secrets: [secret], signatureSecrets: [signatureSecret], limits },
      other: { environment: 'test' },
      short: { environment: 'test', retention: { messages: 1 } },
      vouched: { environment: 'test', profiles: 'vouched' },
    }
    url = await startGateway({ apps }, options)
  })
  afterEach(async () => {
    document.body.replaceChildren()
    await until('every connection is closed', async () => (await connectionsAt(url)).open === 0)
  })
  after(() => stopGateway(url))

  const gateway: TestGateway = {
    get url() {
      return url
    },
    make: (properties) => make({ endpoint: url, ...properties }),
    mount(properties, parent = document.body) {
      const element = gateway.make(properties)
      parent.append(element)
      return element
    },
    async active(userId, properties = {}) {
      const element = gateway.mount({ userId, token: await gateway.token(userId), ...properties })
      await element.whenStarted()
      return element
    },
    connections: () => connectionsAt(url),
    token: (userId, expiresIn) =>
      createToken({ appId: 'app', userId, secret, ...(expiresIn !== undefined && { expiresIn }) }),
    signature: (userId) => createSignature(userId, signatureSecret),
  }
  return gateway
}
