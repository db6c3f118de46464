import { assert, oneEvent } from '@open-wc/testing'
import { ChatSession, type SessionEventMap } from '../../src/session/index.js'
import { createToken } from '../../src/tokens/index.js'
import { startGateway, stopGateway } from '../support/gateway-commands.js'

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

  for (const [reported, blocked] of [
    ['its address', 'ws://127.0.0.1:1/v1/session'],
    ['its origin', 'ws://127.0.0.1:1'],
  ] as const)
    it(`fails as blocked-by-csp when the policy blocks the connection, and the browser reports ${reported}`, async () => {
      session = new ChatSession({ endpoint: 'http://127.0.0.1:1', appId: 'app', token: 'a.b.c' })
      const start = session.start()
      window.dispatchEvent(violation(blocked, 'enforce'))
      const result = await start
      assert.equal(result.failed && result.error.code, 'blocked-by-csp')
    })

  it('ignores a policy that only reports, and one that blocks another address', async () => {
    session = new ChatSession({
      endpoint,
      appId: 'app',
      token: await createToken({ appId: 'app', userId: 'ann', secret }),
    })
    const start = session.start()
    const gateway = endpoint.replace('http', 'ws')
    window.dispatchEvent(violation(`${gateway}/v1/session`, 'report'))
    for (const other of ['https://elsewhere.example', 'ws', `${gateway}/v1`, `${gateway}/v1/session/2`])
      window.dispatchEvent(violation(other, 'enforce'))
    assert.equal((await start).succeeded, true)
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
