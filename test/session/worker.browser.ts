import { assert } from '@open-wc/testing'
import { createToken } from '../../src/tokens/index.js'
import { startGateway, stopGateway } from '../support/gateway/gateway-commands.js'

const secret = 'a secret of at least 32 bytes, for tests'

describe('ChatSession in a worker', () => {
  it('starts a session against a real gateway, and ends it', async () => {
    const endpoint = await startGateway({ apps: { app: { environment: 'test', secrets: [secret] } } })
    const token = await createToken({ appId: 'app', userId: 'ann', secret })
    const entry = new URL('../../src/session/index.ts', import.meta.url).href
    const script = `
      import { ChatSession } from ${JSON.stringify(entry)}
      const session = new ChatSession(${JSON.stringify({ endpoint, appId: 'app', token })})
      const states = []
      session.addEventListener('state', ({ detail }) => states.push(detail.state))
      const result = await session.start()
      const user = session.user
      await session.end()
      postMessage({ succeeded: result.succeeded, user, states, dom: typeof document })
    `
    const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }))
    const worker = new Worker(address, { type: 'module' })
    const received = await new Promise<unknown>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<unknown>) => resolve(data)
      worker.onerror = (event) => reject(new Error(event.message || 'The worker did not load.'))
    })
    assert.deepEqual(received, {
      succeeded: true,
      user: { id: 'ann' },
      states: ['starting', 'active', 'ended'],
      dom: 'undefined',
    })
    worker.terminate()
    URL.revokeObjectURL(address)
    await stopGateway(endpoint)
  })
})
