import { expect } from '@open-wc/testing'
import { until } from '../support/until.js'
import { heard, nextTask, roundTrip, useGateway } from './page.js'

describe('<chat-session> in an iframe', () => {
  const gateway = useGateway()

  const frameOf = async (html: string): Promise<HTMLIFrameElement & { contentDocument: Document }> => {
    const frame = document.createElement('iframe')
    frame.srcdoc = html
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
    document.body.append(frame)
    await loaded
    return frame as HTMLIFrameElement & { contentDocument: Document }
  }

  it('of this script ends its session when the frame goes away', async () => {
    const frame = await frameOf('<main></main>')
    const element = gateway.mount(
      { userId: 'i', token: await gateway.token('i') },
      frame.contentDocument.body,
    )
    await element.whenStarted()
    expect(frame.contentWindow?.getComputedStyle(element).display).to.equal('contents')
    const { session } = element
    frame.remove()
    // No listener of a document without a window is called any more.
    await until('it lets go', () => element.session === null)
    expect(session?.state).to.equal('ended')
    expect(element.state).to.equal('ended')
    await until('the gateway sees it go', async () => (await gateway.connections()).open === 0)
  })

  it('keeps its session when it moves out before the frame goes away', async () => {
    const frame = await frameOf('<main></main>')
    const element = gateway.mount(
      { userId: 'i', token: await gateway.token('i') },
      frame.contentDocument.body,
    )
    await element.whenStarted()
    const { sessionId } = element
    document.body.append(element)
    frame.remove()
    for (let tasks = 0; tasks < 4; tasks += 1) await nextTask()
    await roundTrip(element)
    expect(element.sessionId).to.equal(sessionId)
  })

  it('and one outside bubble events each in their own document', async () => {
    const frame = await frameOf('<main></main>')
    const token = await gateway.token('i')
    const inside = gateway.mount({ userId: 'i', token }, frame.contentDocument.body)
    const outside = gateway.mount({ userId: 'i', token })
    await Promise.all([inside.whenStarted(), outside.whenStarted()])
    const told = Promise.all([heard(frame.contentDocument, 'session-user'), heard(document, 'session-user')])
    await roundTrip(outside)
    expect((await told).map(({ target }) => target)).to.deep.equal([inside, outside])
    expect((await gateway.connections()).open).to.equal(1)
    inside.remove()
  })

  it('with a script of its own has the gateway see the session go with the frame', async () => {
    const frame = await frameOf(
      `<chat-session app-id="app" token="${await gateway.token('i')}" endpoint="${gateway.url}"></chat-session>
      <script type="module" src="/src/element/define.ts"></script>`,
    )
    const element = frame.contentDocument.querySelector('chat-session')
    await element?.whenStarted()
    expect((await gateway.connections()).open).to.equal(1)
    frame.remove()
    await until('the gateway sees it go', async () => (await gateway.connections()).open === 0)
  })

  it('where the script comes late finds the tag and the properties that were set on it', async () => {
    const frame = await frameOf('<chat-session app-id="app"></chat-session>')
    const { contentDocument } = frame
    const [element] = contentDocument.getElementsByTagName('chat-session')
    if (!element) throw new Error('The tag is missing.')
    expect('state' in element).to.equal(false)
    Object.assign(element, {
      endpoint: gateway.url,
      userId: 7,
      token: await gateway.token('7'),
      user: { name: 'Seven' },
    })
    const started = heard(element, 'session-started')
    const script = contentDocument.createElement('script')
    Object.assign(script, { type: 'module', src: '/src/element/define.ts' })
    contentDocument.head.append(script)
    expect((await started).detail.user).to.deep.equal({ id: '7', name: 'Seven' })
    element.userId = 8
    element.token = await gateway.token('8')
    expect((await element.whenStarted()).user?.id).to.equal('8')
    expect(element.hasAttribute('user-id')).to.equal(false)
    frame.remove()
  })
})
