// Which `<chat-session>` a window shows, and what becomes of it when that changes.
import { expect } from '@open-wc/testing'
import { nextTask, useGateway } from '../element/support.js'
import { until } from '../support/until.js'
import { mountWindow, windowOf } from './support.js'

describe('The session of a chat window', () => {
  const gateway = useGateway()
  afterEach(() => sessionStorage.clear())

  const newWindow = (attributes: Record<string, string> = {}): HTMLElementTagNameMap['chat-window'] => {
    const element = document.createElement('chat-window')
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
    document.body.append(element)
    return element
  }

  it('is the one that `for` names, also if that comes later or gets the id later, and no other one', async () => {
    const ann = await gateway.active('for-ann')
    const window = windowOf(newWindow({ for: 'chat' }), ann)
    await until('it waits', () => window.is('logged-out'))
    expect(window.texts('.hint')).to.deep.equal(['Log in to write.'])
    const other = document.createElement('p')
    other.id = 'chat'
    document.body.prepend(other)
    await nextTask()
    expect(window.is('logged-out'), 'a <p> is no session').to.equal(true)
    other.remove()
    const bob = await gateway.active('for-bob')
    await ann.send({ to: 'for-bob', body: 'For Bob' })
    bob.id = 'chat'
    await until('his conversations', () => window.texts('[part=preview]').join(), 'For Bob')
    window.element.for = 'nowhere'
    await until('no session', () => window.is('logged-out'))
    expect(window.element.shadowRoot?.textContent).to.not.contain('For Bob')
    window.element.for = null
    await until('the first one', () => window.texts('[part=preview]').join(), 'You: For Bob')
  })

  it('is followed when another tag takes the place of the first one', async () => {
    const ann = await gateway.active('swap-ann')
    await ann.send({ to: 'swap-bob', body: 'For Bob' })
    await ann.send({ to: 'swap-cy', body: 'For Cy' })
    ann.remove()
    const first = await gateway.active('swap-bob')
    const window = windowOf(newWindow(), first)
    await until('the list', () => window.texts('[part=preview]').join(), 'For Bob')
    first.replaceWith(gateway.make({ userId: 'swap-cy', token: await gateway.token('swap-cy') }))
    await until('the other one', () => window.texts('[part=preview]').join(), 'For Cy')
  })

  it('is shared by the windows of a page: each shows who is online, and reads for itself', async () => {
    const ann = await gateway.active('two-ann')
    const cy = await gateway.active('two-cy')
    await ann.send({ to: 'two-bob', body: 'From Ann' })
    await cy.send({ to: 'two-bob', body: 'From Cy' })
    const bob = await mountWindow(gateway, 'two-bob')
    const one = windowOf(newWindow({ for: 'two-bob', peer: 'two-ann' }), bob.chat)
    const two = windowOf(newWindow({ for: 'two-bob', launcher: '' }), bob.chat)
    await until('the thread', () => one.bodies().join(), 'From Ann')
    one.find('[part=composer]').scrollIntoView()
    await until('it is read', () => two.texts('[part=badge]').join(), '1')
    await until('both in the list', () => bob.all('[part=presence]').length, 2)
    await until('the one of the thread', () => one.all('[part=presence]').length, 1)
    one.write('Hello')
    await until('it is in the list, too', () => bob.texts('[part=preview]')[0], 'You: Hello')
    one.element.remove()
    await cy.end()
    await until('who is left', () => bob.all('[part=presence]').length, 1)
  })

  it('tells the page which conversation is shown, once each, and that none is', async () => {
    const told: string[] = []
    const note = (event: Event): void => {
      const { type, detail } = event as CustomEvent<{ peer: string | null }>
      told.push(`${type.slice('chat-window-'.length)} ${String(detail.peer)}`)
    }
    for (const type of ['chat-window-open', 'chat-window-close']) document.addEventListener(type, note)
    const bob = await mountWindow(gateway, 'told-bob', { launcher: true })
    bob.element.show('told-ann')
    bob.element.show('told-ann')
    expect(bob.element.open).to.equal(true)
    bob.element.show(17)
    bob.element.show(null)
    bob.element.open = false
    await bob.element.updateComplete
    expect(bob.is('thread'), 'no thread is seen').to.equal(false)
    bob.element.open = true
    await bob.element.updateComplete
    expect(bob.is('thread')).to.equal(true)
    bob.element.close()
    expect(bob.element.open, 'the launcher stays open').to.equal(true)
    bob.element.show('told-ann')
    await bob.chat.end()
    for (const type of ['chat-window-open', 'chat-window-close']) document.removeEventListener(type, note)
    expect(told).to.deep.equal([
      ...['open told-ann', 'close told-ann', 'open 17', 'close 17', 'open null', 'close null'],
      ...['open told-ann', 'close told-ann'],
    ])
  })

  it('keeps no text of a user whom the page’s token source says to be logged out', async () => {
    const bob = await mountWindow(gateway, 'gone-bob', { peer: 'gone-ann' })
    await until('the field', () => bob.all('[part=input]').length, 1)
    bob.type('Half a')
    const texts = (): number =>
      Object.keys(sessionStorage).filter((key) => key.startsWith('chat-window')).length
    expect(texts()).to.equal(1)
    // The next page of the tab, whose user has logged out elsewhere.
    bob.chat.remove()
    await until('the former page is gone', async () => (await gateway.connections()).open, 0)
    expect(texts(), 'a page change keeps it').to.equal(1)
    const next = gateway.make({ userId: 'gone-bob', tokenFetcher: () => Promise.resolve(null) })
    next.id = 'gone-bob'
    document.body.prepend(next)
    await until('it is logged out', () => `${next.state} ${String(next.error?.code)}`, 'failed signed-out')
    await until('no text', texts, 0)
    expect(bob.texts('.hint')[0]).to.contain('You are logged out.')
  })

  it('has words of the page in place of the window’s, and takes nothing else for words', async () => {
    const texts = { send: 'Post it', input: 7, constructor: 'x', 'logged-out': undefined } as object
    const bob = await mountWindow(gateway, 'texts-bob', { peer: 'texts-ann', texts })
    await until('the field', () => bob.all('[part=input]').length, 1)
    expect(bob.find('[part=send]').ariaLabel).to.equal('Post it')
    expect(bob.find('[part=input]').ariaLabel).to.equal('Message')
    bob.element.texts = null
    await until('the window’s own', () => bob.find('[part=send]').ariaLabel, 'Send')
  })
})
