import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { ChatSession, type Message, type Sent } from '../../../../src/session/index.js'
import { startProxy, type Proxy, type Wire } from '../../../support/network/proxy.js'
import { appId, tokenFor } from '../../../support/tokens.js'

interface Intent {
  to: string
  body: string
  sent?: Sent
}

/** One session of a user behind a network of its own, and a record of its actions, messages and errors. */
export class Client {
  readonly userId: string
  readonly proxy: Proxy
  readonly session: ChatSession
  readonly intents: Intent[] = []
  readonly received: Message[] = []
  /** Faults of this client, as sentences. */
  readonly wrong: string[] = []
  /** Whether its token source fails. */
  outage = false
  /** The highest offset that it marked as read. */
  readOffset = 0
  #id: string | null = null
  /** The next session may have another id, since the token may have expired. */
  #mayChange = false
  /** The token is valid for a second, which may be too short to refresh it. */
  #expiresSoon = false

  private constructor(userId: string, proxy: Proxy, token: string) {
    this.userId = userId
    this.proxy = proxy
    this.session = new ChatSession({
      endpoint: proxy.url,
      appId,
      token,
      tokenFetcher: () => {
        if (this.outage) throw new Error('The token source fails.')
        this.#renewed()
        return tokenFor(userId)
      },
      WebSocket,
    })
    this.session.addEventListener('message', ({ detail }) => this.received.push(detail.message))
    this.session.addEventListener('error', ({ detail: { error } }) => {
      // A token that is valid for a second may expire before the gateway receives it.
      if (error.code === 'unauthenticated' && this.#expiresSoon) return
      if (error.code !== 'unavailable') this.wrong.push(`it received the error ${error.code}`)
    })
    this.session.addEventListener('state', ({ detail }) => {
      if (detail.state === 'ended' || detail.state === 'failed')
        this.wrong.push(`it ${detail.state}: ${detail.error?.code ?? ''}`)
      if (detail.state === 'active') this.#active()
    })
  }

  static async start(userId: string, target: () => string): Promise<Client> {
    const client = new Client(userId, await startProxy(target), await tokenFor(userId))
    const result = await client.session.start()
    assert.ok(result.succeeded, userId)
    return client
  }

  get wires(): Wire[] {
    return [...this.proxy.wires]
  }

  #active(): void {
    const { sessionId: id } = this.session
    if (this.#id !== null && id !== this.#id && !this.#mayChange && !this.#expiresSoon)
      this.wrong.push('its id changed')
    this.#id = id
    this.#mayChange = false
  }

  send(to: string, body: string): void {
    const intent: Intent = { to, body }
    this.intents.push(intent)
    this.session.send(intent).then(
      (sent) => (intent.sent = sent),
      (error: unknown) => this.wrong.push(`its send was rejected: ${String(error)}`),
    )
  }

  read(): void {
    const offset = this.received.at(-1)?.offset
    if (offset === undefined) return
    this.readOffset = Math.max(this.readOffset, offset)
    this.session
      .markRead(offset)
      .catch((error: unknown) => this.wrong.push(`its mark was rejected: ${String(error)}`))
  }

  /** Sets a token that is valid for a second. */
  async expire(): Promise<void> {
    this.#expiresSoon = true
    this.session.setToken(await tokenFor(this.userId, { expiresIn: 1 }))
  }

  #renewed(): void {
    this.#mayChange ||= this.#expiresSoon
    this.#expiresSoon = false
  }

  async renew(): Promise<void> {
    this.#renewed()
    this.session.setToken(await tokenFor(this.userId))
  }

  async end(): Promise<string> {
    await this.session.end()
    await this.proxy.close()
    return this.session.state
  }
}
