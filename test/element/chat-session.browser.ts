import { expect } from '@open-wc/testing'
import { ChatSessionElement } from '../../src/element/define.js'
import { until } from '../support/until.js'
import { nextEvent, listenTo, nextTask, roundTrip, useGateway } from './support.js'

describe('<chat-session> comes into a page', () => {
  const gateway = useGateway()
  const tag = async (userId: string): Promise<string> =>
    `<chat-session app-id="app" user-id="${userId}" endpoint="${gateway.url}" token="${await gateway.token(userId)}"><b>mine</b></chat-session>`

  it('by innerHTML, and leaves its children alone', async () => {
    document.body.innerHTML = await tag('h')
    const element = document.querySelector('chat-session')
    await element?.whenStarted()
    expect(element?.innerHTML).to.equal('<b>mine</b>')
    expect(element?.shadowRoot).to.equal(null)
  })

  it('by cloneNode: one user, one session', async () => {
    document.body.innerHTML = await tag('h')
    const element = document.querySelector('chat-session')
    await element?.whenStarted()
    const clone = element?.cloneNode(true) as ChatSessionElement
    expect(clone.state).to.equal('idle')
    document.body.append(clone)
    await clone.whenStarted()
    expect(clone.sessionId).to.equal(element?.sessionId)
    expect((await gateway.connections()).open).to.equal(1)
  })

  it('by a template, in which it is not defined yet', async () => {
    const { total } = await gateway.connections()
    const template = document.createElement('template')
    template.innerHTML = await tag('h')
    document.body.append(template)
    await nextTask()
    expect(template.content.querySelector('chat-session')).to.not.be.instanceOf(ChatSessionElement)
    document.body.append(template.content.cloneNode(true), document.importNode(template.content, true))
    const elements = [...document.querySelectorAll('chat-session')]
    await Promise.all(elements.map((element) => element.whenStarted()))
    expect(elements).to.have.length(2)
    expect(await gateway.connections()).to.deep.equal({ open: 1, total: total + 1 })
  })

  it('mounted, removed in the next microtask and mounted again: one connection', async () => {
    const { total } = await gateway.connections()
    const element = gateway.mount({ userId: 'm', token: await gateway.token('m') })
    await element.updateComplete
    element.remove()
    await Promise.resolve()
    document.body.append(element)
    await element.whenStarted()
    await roundTrip(element)
    expect(await gateway.connections()).to.deep.equal({ open: 1, total: total + 1 })
  })

  it('in a Turbo preview, and waits for the page itself', async () => {
    document.documentElement.setAttribute('data-turbo-preview', '')
    const preview = gateway.mount({ userId: 't', token: await gateway.token('t') })
    await preview.updateComplete
    await nextTask()
    document.documentElement.removeAttribute('data-turbo-preview')
    expect([preview.state, preview.session === null]).to.deep.equal(['idle', true])
    preview.remove()
    document.body.append(preview)
    await preview.whenStarted()
  })

  it('after a Turbo preview, and keeps the session of the tag before it', async () => {
    const attributes = { userId: 't', token: await gateway.token('t') }
    const { total } = await gateway.connections()
    const before = gateway.mount(attributes)
    await before.whenStarted()
    const { sessionId, session } = before
    document.documentElement.setAttribute('data-turbo-preview', '')
    before.remove()
    for (let tasks = 0; tasks < 4; tasks += 1) await nextTask()
    expect(session?.state).to.equal('active')
    document.documentElement.removeAttribute('data-turbo-preview')
    const after = gateway.mount(attributes)
    document.dispatchEvent(new Event('turbo:render'))
    await after.whenStarted()
    await until('the first one releases the session', () => before.session === null)
    expect(after.sessionId).to.equal(sessionId)
    expect((await gateway.connections()).total).to.equal(total + 1)
  })

  it('after a Turbo preview; without a tag in the page the session ends', async () => {
    const element = gateway.mount({ userId: 't', token: await gateway.token('t') })
    await element.whenStarted()
    document.documentElement.setAttribute('data-turbo-preview', '')
    element.remove()
    for (let tasks = 0; tasks < 4; tasks += 1) await nextTask()
    document.documentElement.removeAttribute('data-turbo-preview')
    document.dispatchEvent(new Event('turbo:render'))
    await until('the gateway closes the connection', async () => (await gateway.connections()).open === 0)
  })

  it('only in a document with a window: without one it starts nothing, and moving there ends its session', async () => {
    const elsewhere = document.implementation.createHTMLDocument()
    const { total } = await gateway.connections()
    const element = gateway.mount({ userId: 'w', token: await gateway.token('w') }, elsewhere.body)
    await element.updateComplete
    await nextTask()
    expect(element.isConnected).to.equal(true)
    expect([element.state, (await gateway.connections()).total]).to.deep.equal(['idle', total])
    document.body.append(element)
    await element.whenStarted()
    elsewhere.body.append(element)
    await nextEvent(element, 'session-ended')
    expect(element.session === null).to.equal(true)
  })

  it('with a definition that is loaded twice', async () => {
    const again = '/src/element/define.ts?again'
    await import(again)
    expect(customElements.get('chat-session')).to.equal(ChatSessionElement)
  })

  it('and never writes its own attributes', async () => {
    const element = gateway.make({ userId: 'w', token: await gateway.token('w'), user: { name: 'W' } })
    const observer = new MutationObserver(() => undefined)
    observer.observe(element, { attributes: true, childList: true, subtree: true, characterData: true })
    document.body.append(element)
    await element.whenStarted()
    element.userId = 'v'
    element.token = await gateway.token('v')
    await element.whenStarted()
    await element.end()
    expect(observer.takeRecords()).to.deep.equal([])
    expect(element.outerHTML).to.equal('<chat-session></chat-session>')
  })
})

describe('Many <chat-session>', () => {
  const gateway = useGateway()

  it('that come and go leave nothing behind, in the page or at the gateway', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => gateway.token(`many ${index}`)))
    const elements = Array.from({ length: 200 }, (_, index) => gateway.make({ token: tokens[index % 50] }))
    // Chromium delays WebSockets by seconds while a dozen others connect.
    for (let first = 0; first < 50; first += 10) {
      const some = elements.filter((_, index) => index % 50 >= first && index % 50 < first + 10)
      document.body.append(...some)
      await Promise.all(some.map((element) => element.whenStarted()))
    }
    expect((await gateway.connections()).open).to.equal(50)
    const events = listenTo(document)
    for (const element of elements) element.remove()
    await until('all have released their sessions', () => elements.every(({ session }) => session === null))
    await until('the gateway has no connection', async () => (await gateway.connections()).open === 0)
    expect(events).to.deep.equal([])
    expect(new Set(elements.map(({ state }) => state))).to.deep.equal(new Set(['idle', 'ended']))
  })

  it('that leave during their start leave nothing behind', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, index) => gateway.token(`some ${index}`)))
    const elements = tokens.map((token) => gateway.make({ token }))
    document.body.append(...elements)
    await Promise.all(elements.map(({ updateComplete }) => updateComplete))
    document.body.replaceChildren()
    await until('all have released their sessions', () => elements.every(({ session }) => session === null))
    await until('the gateway has no connection', async () => (await gateway.connections()).open === 0)
  })
})
