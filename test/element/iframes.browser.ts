import { expect } from '@open-wc/testing'
import { until } from '../support/until.js'
import { nextEvent, nextTask, roundTrip, useGateway } from './support.js'

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

  it('whose element belongs to the script of this page ends its session when the frame is removed', async () => {
    const frame = await frameOf('<main></main>')
    const element = gateway.mount(
      { userId: 'i', token: await gateway.token('i') },
      frame.contentDocument.body,
    )
    await element.whenStarted()
    expect(frame.contentWindow?.getComputedStyle(element).display).to.equal('contents')
    const { session } = element
    frame.remove()
    // Browsers call no listener in a document without a window, so an event can't be awaited.
    await until('it releases the session', () => element.session === null)
    expect(session?.state).to.equal('ended')
    expect(element.state).to.equal('ended')
    await until('the gateway closes the connection', async () => (await gateway.connections()).open === 0)
  })

  it('keeps the session of an element that moves out before the frame is removed', async () => {
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

  it('and one outside each bubble events in their own document', async () => {
    const frame = await frameOf('<main></main>')
    const token = await gateway.token('i')
    const inside = gateway.mount({ userId: 'i', token }, frame.contentDocument.body)
    const outside = gateway.mount({ userId: 'i', token })
    await Promise.all([inside.whenStarted(), outside.whenStarted()])
    const events = Promise.all([
      nextEvent(frame.contentDocument, 'session-user'),
      nextEvent(document, 'session-user'),
    ])
    await roundTrip(outside)
    expect((await events).map(({ target }) => target)).to.deep.equal([inside, outside])
    expect((await gateway.connections()).open).to.equal(1)
    inside.remove()
  })

  it('with a script of its own ends its session when the frame is removed', async () => {
    const frame = await frameOf(
      `<chat-session app-id="app" token="${await gateway.token('i')}" endpoint="${gateway.url}"></chat-session>
      <script type="module" src="/src/element/define.ts"></script>`,
    )
    const element = frame.contentDocument.querySelector('chat-session')
    await element?.whenStarted()
    expect((await gateway.connections()).open).to.equal(1)
    frame.remove()
    await until('the gateway closes the connection', async () => (await gateway.connections()).open === 0)
  })

  it('whose script loads late starts the tag with the properties that were set before', async () => {
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
    const started = nextEvent(element, 'session-started')
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
