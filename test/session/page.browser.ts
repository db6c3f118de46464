import { assert, oneEvent } from '@open-wc/testing'
import { ChatSession, type SessionEventMap } from '../../src/session/index.js'
import { createToken } from '../../src/tokens/index.js'
import { startGateway, stopGateway } from '../support/gateway-commands.js'

const secret = 'a secret of at least 32 bytes, for tests'

/** As the browser tells it: in a page of its own policy, which this page can't be given once it is loaded. */
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

  it('fails as blocked-by-csp when the policy forbids the connection', async () => {
    session = new ChatSession({ endpoint: 'http://127.0.0.1:1', appId: 'app', token: 'a.b.c' })
    const start = session.start()
    window.dispatchEvent(violation('ws://127.0.0.1:1', 'enforce'))
    const result = await start
    assert.equal(result.failed && result.error.code, 'blocked-by-csp')
  })

  it('minds no policy that only reports, and none that blocks something else', async () => {
    session = new ChatSession({
      endpoint,
      appId: 'app',
      token: await createToken({ appId: 'app', userId: 'ann', secret }),
    })
    const start = session.start()
    window.dispatchEvent(violation(endpoint.replace('http', 'ws'), 'report'))
    window.dispatchEvent(violation('https://elsewhere.example', 'enforce'))
    assert.equal((await start).succeeded, true)
  })

  it('tries again at once when the network is back', async () => {
    session = new ChatSession({ endpoint: 'http://127.0.0.1:1', appId: 'app', token: 'a.b.c' })
    void session.start({ timeout: 1 })
    const waits = async (): Promise<number> => {
      for (;;) {
        const { detail } = await oneEvent<SessionEventMap['state']>(session, 'state')
        if (detail.retryAt !== null) return detail.retryAt
      }
    }
    let planned = 0
    while (planned < Date.now() + 300) planned = await waits()
    const next = waits()
    window.dispatchEvent(new Event('online'))
    await next
    assert.isBelow(Date.now(), planned)
  })
})
