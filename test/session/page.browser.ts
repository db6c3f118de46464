import { assert, oneEvent } from '@open-wc/testing'
import { ChatSession, type SessionEventMap, type SessionOptions } from '../../src/session/index.js'
import { createToken } from '../../src/tokens/index.js'
import { startGateway, stopGateway } from '../support/gateway/gateway-commands.js'

const secret = 'a secret of at least 32 bytes, for tests'

/** The browser's event, dispatched by hand: a page that is loaded can't be given another policy. */
const violation = (blockedURI: string, disposition: 'enforce' | 'report'): Event =>
  new SecurityPolicyViolationEvent('securitypolicyviolation', {
    blockedURI,
    disposition,
    documentURI: location.href,
    effectiveDirective: 'connect-src',
    violatedDirective: 'connect-src',
    originalPolicy: "connect-src 'none'",
    statusCode: 200,
  })

describe('ChatSession in a page', () => {
  let endpoint: string
  let session: ChatSession

  before(async () => {
    endpoint = await startGateway({ apps: { app: { environment: 'test', secrets: [secret] } } })
  })
  after(() => stopGateway(endpoint))
  afterEach(() => session.end())

  const newSession = async (options: Partial<SessionOptions>): Promise<ChatSession> => {
    const token = await createToken({ appId: 'app', userId: 'ann', secret })
    return (session = new ChatSession({ endpoint, appId: 'app', token, ...options }))
  }

  /** Says of each WebSocket that is opened, and of each request, that a policy has blocked these addresses. */
  const blocking = (...violations: Event[]): typeof WebSocket => {
    const dispatch = (): void => violations.forEach((each) => window.dispatchEvent(each))
    const { fetch } = window
    window.fetch = (...given) => {
      dispatch()
      return fetch(...given)
    }
    restore.push(() => (window.fetch = fetch))
    return class extends WebSocket {
      constructor() {
        // Nothing listens there.
        super('ws://127.0.0.1:1')
        // The timer alone could fire after the race has taken the close, because browsers delay the timers of timers. WebKit dispatches no
        // close here.
        this.addEventListener('close', dispatch)
        setTimeout(dispatch)
      }
    }
  }
  const restore: (() => unknown)[] = []
  afterEach(() => {
    for (const each of restore.splice(0)) each()
    // The tab remembers what worked.
    sessionStorage.clear()
  })

  for (const [transport, scheme, path] of [
    ['websocket', 'ws', '/v1/session'],
    ['stream', 'http', '/v1/session/stream'],
  ] as const)
    for (const [reported, rest] of [
      ['its address', path],
      ['its origin', ''],
    ] as const)
      it(`fails as blocked-by-csp when the policy blocks the ${transport}, and the browser reports ${reported}`, async () => {
        const WebSocket = blocking(violation(endpoint.replace('http', scheme) + rest, 'enforce'))
        const result = await (await newSession({ transports: [transport], WebSocket })).start()
        assert.equal(result.failed && result.error.code, 'blocked-by-csp')
        assert.match(result.failed ? result.error.message : '', /connect-src/)
      })

  it('ignores a policy that only reports, and one that blocks another address', async () => {
    const others = ['https://elsewhere.example', 'http', `${endpoint}/v1`, `${endpoint}/v1/session/streams`]
    blocking(
      violation(`${endpoint}/v1/session/stream`, 'report'),
      ...others.map((other) => violation(other, 'enforce')),
    )
    assert.equal((await (await newSession({ transports: 'stream' })).start()).succeeded, true)
    assert.equal(session.transport, 'stream')
  })

  it('goes on by a stream when the policy blocks the WebSocket alone, and the console says what to do', async () => {
    const { warn } = console
    const warnings: unknown[][] = []
    console.warn = (...given: unknown[]) => warnings.push(given)
    restore.push(() => (console.warn = warn))
    const address = `${endpoint.replace('http', 'ws')}/v1/session`
    const WebSocket = blocking(violation(address, 'enforce'))
    assert.equal((await (await newSession({ WebSocket })).start()).succeeded, true)
    assert.equal(session.transport, 'stream')
    assert.equal(warnings.length, 1)
    assert.match(String(warnings[0]), /connect-src/)
    assert.equal(warnings[0]?.[1], address)
  })

  it('tries again at once when the network is back', async () => {
    const gone = await startGateway({ apps: { app: { environment: 'test' } } })
    await stopGateway(gone)
    let attempts = 0
    class Counted extends WebSocket {
      constructor(...given: ConstructorParameters<typeof WebSocket>) {
        super(...given)
        attempts += 1
      }
    }
    session = new ChatSession({ endpoint: gone, appId: 'app', token: 'a.b.c', WebSocket: Counted })
    void session.start({ timeout: 1 })
    const waits = async (): Promise<number> => {
      for (;;) {
        const { detail } = await oneEvent<SessionEventMap['state']>(session, 'state')
        if (detail.retryAt !== null) return detail.retryAt
      }
    }
    while ((await waits()) < Date.now() + 100) assert.isBelow(attempts, 20)
    const before = attempts
    window.dispatchEvent(new Event('online'))
    assert.equal(attempts, before + 1)
  })
})
