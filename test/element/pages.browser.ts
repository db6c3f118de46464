import { expect } from '@open-wc/testing'
import type { ChatSessionElement } from '../../src/element/define.js'
import { recordedAt, startScripted, stopScripted } from '../support/gateway/gateway-commands.js'
import { until } from '../support/until.js'
import { useGateway } from './support.js'

/* Each page is a document in an iframe. Navigating the frame is like navigating a tab, and the pages share sessionStorage. */
describe('<chat-session> on one page after the other', () => {
  const gateway = useGateway()
  let endpoint: string
  let frame: HTMLIFrameElement

  beforeEach(async () => {
    endpoint = await startScripted()
    sessionStorage.clear()
    frame = document.body.appendChild(document.createElement('iframe'))
  })
  afterEach(async () => {
    frame.remove()
    await stopScripted(endpoint)
  })

  const goTo = async (html: string): Promise<void> => {
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
    frame.srcdoc = html
    await loaded
  }

  /** Goes to a page with a tag for `userId`, and waits until its session is active. */
  const visit = async (userId: string, at = endpoint, token = 'a.b.c'): Promise<ChatSessionElement> => {
    await goTo(`<script type="module" src="${location.origin}/src/element/define.ts"></script>
      <chat-session app-id="app" user-id="${userId}" token="${token}" endpoint="${at}"></chat-session>`)
    const element = frame.contentDocument?.querySelector('chat-session')
    if (!element) throw new Error('There is no element.')
    await until('the session is active', () => element.state === 'active')
    return element
  }

  it('keeps it at a real gateway, and gets the messages that came between the pages', async () => {
    const token = await gateway.token('ann')
    const { sessionId } = await visit('ann', gateway.url, token)
    const bob = await gateway.active('bob')
    await goTo('A page without a tag.')
    await bob.send({ to: 'ann', body: 'Between' })
    const element = await visit('ann', gateway.url, token)
    expect(element.sessionId).to.equal(sessionId)
    expect(element.unread).to.equal(1)
    expect((await element.history()).map(({ body }) => body)).to.deep.equal(['Between'])
  })

  it('ends a session without members at pagehide, and leaves no key', async () => {
    const element = await visit('ann')
    element.remove()
    frame.contentWindow?.dispatchEvent(new PageTransitionEvent('pagehide'))
    await until('the connection is closed', async () => (await recordedAt(endpoint))[0]?.close !== null)
    expect((await recordedAt(endpoint))[0]?.close).to.equal(1000)
    expect((await recordedAt(endpoint))[0]?.frames).to.deep.equal([{ type: 'pong' }, { type: 'end' }])
    expect(JSON.stringify(sessionStorage)).to.not.include('k1')
  })

  it('is not resumed by the next page after end()', async () => {
    const element = await visit('ann')
    const { sessionId } = element
    await element.end()
    expect((await visit('ann')).sessionId).to.not.equal(sessionId)
  })
})
