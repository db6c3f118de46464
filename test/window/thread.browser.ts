// What a conversation shows: older messages, the place where one reads, links, pictures, files, and what the page draws itself.
import { expect } from '@open-wc/testing'
import { useGateway } from '../element/support.js'
import { until } from '../support/until.js'
import { mountWindow, nextFrame, press, type TestWindow } from './support.js'

const topOf = (element: Element): number => element.getBoundingClientRect().top

describe('A conversation of the chat window', () => {
  const gateway = useGateway()
  afterEach(() => sessionStorage.clear())

  /** A window with `ann`, who has sent `count` messages. */
  const withMessages = async (name: string, count: number, properties = {}) => {
    const ann = await gateway.active(`${name}-ann`)
    for (let number = 1; number <= count; number += 1)
      await ann.send({ to: `${name}-bob`, body: `Message ${number}` })
    const bob = await mountWindow(gateway, `${name}-bob`, { peer: `${name}-ann`, ...properties })
    if (count) await until('the newest message', () => bob.bodies().at(-1), `Message ${count}`)
    return { ann, bob, to: `${name}-bob` }
  }

  const logOf = (bob: TestWindow): HTMLElement => bob.find('[part=log]')

  it('loads older messages when one scrolls up, a thousand of them, and keeps the place', async () => {
    const { bob } = await withMessages('older', 1_000)
    const log = logOf(bob)
    expect(bob.bodies().length, 'one part').to.equal(50)
    expect(log.scrollTop, 'it begins at its end').to.equal(0)
    while (bob.bodies().length < 1_000) {
      const count = bob.bodies().length
      // On the way up the browser lays out what comes into sight, and only then knows how high that is.
      let height: number
      do {
        height = log.scrollHeight
        log.scrollTop = -(height - log.clientHeight - 800)
        await nextFrame()
      } while (log.scrollHeight !== height)
      expect(bob.bodies().length, 'older ones are not asked for before').to.equal(count)
      log.scrollTop = -log.scrollHeight
      await nextFrame()
      const [first] = bob.all('[part~=message]')
      if (!first) throw new Error('There is no message.')
      const before = topOf(first)
      await until('more messages', () => bob.bodies().length > count)
      await nextFrame()
      expect(Math.abs(topOf(first) - before), `after ${count} messages`).to.be.at.most(1)
    }
    expect(bob.bodies()).to.deep.equal(Array.from({ length: 1_000 }, (_, index) => `Message ${index + 1}`))
    log.scrollTop = -log.scrollHeight
    await until('no more are asked for', () => bob.all('[part=older]').length, 0)
    log.scrollTop = -log.scrollHeight
    await nextFrame()
    const [first] = bob.all('[part~=message]')
    expect(first && topOf(first), 'the first message is seen').to.be.at.least(topOf(log))
    log.scrollTop = 0
    await nextFrame()
    const end =
      log.getBoundingClientRect().bottom -
      (bob.all('[part~=message]').at(-1)?.getBoundingClientRect().bottom ?? 0)
    expect(end, 'and then the last one').to.be.within(0, 40)
  })

  it('stays at its end while messages come, and moves nothing while one reads above', async () => {
    const { ann, bob, to } = await withMessages('place', 40)
    const log = logOf(bob)
    await ann.send({ to, body: 'At the end' })
    await until('it came', () => bob.bodies().at(-1), 'At the end')
    await nextFrame()
    expect(log.scrollTop).to.equal(0)
    log.scrollTop = -400
    await nextFrame()
    const read = bob.all('[part~=message]').find((each) => topOf(each) > topOf(log))
    if (!read) throw new Error('There is no message.')
    const before = topOf(read)
    for (const body of ['one', 'two '.repeat(200), 'three']) await ann.send({ to, body })
    await until('they came', () => bob.bodies().at(-1), 'three')
    await nextFrame()
    // WebKit scrolls by whole pixels.
    expect(Math.abs(topOf(read) - before)).to.be.at.most(3)
    expect(bob.texts('[part=new]'), 'the line stands above what was not seen').to.deep.equal(['New'])
    expect(bob.chat.unread, 'what is below is not read').to.equal(3)
    log.scrollTop = 0
    await until('it is read', () => bob.chat.unread, 0)
  })

  it('goes to its end when the user writes', async () => {
    const { bob } = await withMessages('write', 40)
    logOf(bob).scrollTop = -500
    await nextFrame()
    bob.write('Mine')
    await until('the message', () => bob.bodies().at(-1), 'Mine')
    await nextFrame()
    expect(logOf(bob).scrollTop).to.equal(0)
  })

  it('says each new message once to a screen reader, and none that was there', async () => {
    const { ann, bob, to } = await withMessages('said', 2)
    const status = (): string => bob.texts('p[role=status]').join()
    expect(status()).to.equal('')
    expect(logOf(bob).ariaLive, 'the log says nothing itself').to.equal('off')
    const said: string[] = []
    const observer = new MutationObserver(() => said.push(bob.find('p[role=status]').textContent))
    observer.observe(bob.find('p[role=status]'), { childList: true, characterData: true, subtree: true })
    for (const body of ['Hello', 'Hello']) {
      const count = said.length
      await ann.send({ to, body })
      await until('it is said', () => said.length > count)
    }
    bob.write('Mine')
    await until('it is stored', () => bob.texts('[part~=own] .text').join(), 'Mine')
    await bob.element.updateComplete
    observer.disconnect()
    expect(said.map((text) => text.trim())).to.deep.equal(['said-ann: Hello', 'said-ann: Hello'])
    expect(said[0], 'a text that does not change is not spoken').to.not.equal(said[1])
  })

  it('draws text as text, links, pictures and files of https alone, and nothing else of `data`', async () => {
    const { ann, bob, to } = await withMessages('drawn', 0)
    const script = 'javascript:document.title="hit"'
    const sent = [
      { body: '<img src=x onerror="document.title=1"><b>bold</b>' },
      { body: `See https://example.com/a. Not ${script} and http://example.com/` },
      { data: { image: { url: `${gateway.url}/p.png`, width: 40, height: 30, alt: 'A mug' } } },
      { data: { image: { url: script, alt: 'No' } } },
      { data: { file: { url: 'https://example.com/f', name: '<i>Bill</i>.pdf', size: 2_000 } } },
      { body: 'Text', data: { file: { url: script, name: 'No.pdf' } } },
      { data: { order: 17 } },
    ]
    for (const message of sent) await ann.send({ to, ...message })
    await ann.send({ to, body: 'Last' })
    await until('the last one', () => bob.bodies().at(-1), 'Last')
    expect(bob.bodies().filter(Boolean)).to.deep.equal([
      '<img src=x onerror="document.title=1"><b>bold</b>',
      `See https://example.com/a. Not ${script} and http://example.com/`,
      'Text',
      'Last',
    ])
    const links = bob.all('[part=log] a') as HTMLAnchorElement[]
    expect(links.map(({ href }) => href)).to.deep.equal([
      'https://example.com/a',
      `${gateway.url}/p.png`,
      'https://example.com/f',
    ])
    expect(links.every(({ rel, target }) => rel === 'noreferrer' && target === '_blank')).to.equal(true)
    const [image] = bob.all('[part=image] img') as HTMLImageElement[]
    expect([image?.alt, image?.getAttribute('width'), image?.loading]).to.deep.equal(['A mug', '40', 'lazy'])
    expect(bob.texts('[part=file]')).to.deep.equal(['<i>Bill</i>.pdf2 kB'])
    expect(bob.all('[part~=message]').length, 'a message that shows nothing is left out').to.equal(6)
  })

  it('tells the page which link one follows, and the page can stop it', async () => {
    const { ann, bob, to } = await withMessages('link', 0)
    await ann.send({ to, body: 'https://example.com/a' })
    await until('the link', () => bob.all('[part=log] a').length, 1)
    const urls: string[] = []
    bob.element.addEventListener('chat-window-link', (event) => {
      urls.push(event.detail.url)
      event.preventDefault()
    })
    const click = new MouseEvent('click', { bubbles: true, cancelable: true, composed: true })
    expect(bob.find('[part=log] a').dispatchEvent(click), 'the browser does not follow it').to.equal(false)
    expect(urls).to.deep.equal(['https://example.com/a'])
  })

  it('copies a message', async () => {
    const { bob } = await withMessages('copy', 1)
    const copied: string[] = []
    const { writeText } = navigator.clipboard
    navigator.clipboard.writeText = (text) => Promise.resolve(void copied.push(text))
    bob.find('[part=copy]').click()
    navigator.clipboard.writeText = writeText
    expect(copied).to.deep.equal(['Message 1'])
    expect(bob.find('[part=copy]').ariaLabel).to.equal('Copy')
  })

  it('takes what the page draws, and draws itself what the page does not, whatever its functions do', async () => {
    const { ann, bob, to } = await withMessages('own', 0)
    const warned: unknown[] = []
    const { warn } = console
    console.warn = (...args: unknown[]) => warned.push(args[0])
    const calls: unknown[] = []
    bob.element.renderMessage = ({ id, body, data, from, offset }) => {
      calls.push(id)
      if (body === 'throw') throw new Error('of the page')
      if (body === 'text') return '<b>no node</b>' as never
      if (data?.['order'] === undefined) return undefined
      const card = document.createElement('mark')
      card.textContent = `Order ${JSON.stringify(data['order'])} of ${from ?? ''} at ${offset ?? ''}`
      return card
    }
    bob.element.renderPeer = ({ id, name }) => {
      const node = document.createElement('em')
      node.textContent = `${id ?? ''} = ${name}`
      return node
    }
    for (const message of [{ data: { order: 17 } }, { body: 'throw' }, { body: 'text' }, { body: 'usual' }])
      await ann.send({ to, ...message })
    await until('all of them', () => bob.all('[part~=message]').length, 4)
    console.warn = warn
    expect(bob.texts('mark')).to.deep.equal(['Order 17 of own-ann at 1'])
    expect(bob.bodies()).to.deep.equal(['throw', 'text', 'usual'])
    expect(bob.texts('[part=name] em')).to.deep.equal(['own-ann = own-ann'])
    expect(warned, 'the console says so once').to.deep.equal(['chat-window: renderMessage drew nothing'])
    const node = bob.find('mark')
    await ann.send({ to, body: 'one more' })
    await until('one more', () => bob.bodies().at(-1), 'one more')
    expect(bob.find('mark'), 'a node is drawn once').to.equal(node)
    expect(calls.length).to.equal(new Set(calls).size)
  })

  it('moves the focus between messages and between conversations by the arrow keys', async () => {
    const { ann, bob } = await withMessages('keys', 3)
    const cy = await gateway.active('keys-cy')
    await cy.send({ to: 'keys-bob', body: 'Hi' })
    const focused = (): string | undefined => bob.element.shadowRoot?.activeElement?.textContent.trim()
    logOf(bob).focus()
    press(logOf(bob), 'ArrowUp')
    expect(focused()).to.contain('Message 3')
    const up = bob.element.shadowRoot?.activeElement
    if (up) press(up, 'Home')
    expect(focused()).to.contain('Message 1')
    bob.element.peer = null
    await until('the list', () => bob.all('[part=conversation]').length, 2)
    const tabStops = (): string[] => bob.texts('[part=conversation][tabindex="0"] [part=name]')
    expect(tabStops().length, 'Tab goes to one row').to.equal(1)
    const [first, second] = bob.all('[part=conversation]')
    first?.focus()
    if (first) press(first, 'ArrowDown')
    expect(bob.element.shadowRoot?.activeElement).to.equal(second)
    await ann.end()
  })

  it('finds conversations by their names, and says when the field is empty again', async () => {
    const bob = await mountWindow(gateway, 'find-bob')
    for (const [number, name] of ['Nora Lind', 'Émile', 'Carla'].entries()) {
      const peer = await gateway.active(`find-${number}`, { user: { name } })
      await peer.send({ to: 'find-bob', body: 'Hi' })
    }
    await until('the list', () => bob.all('[part=conversation]').length, 3)
    bob.type('LIND', 'search')
    await until('one of them', () => bob.texts('[part=name]').join(), 'Nora Lind')
    bob.type('nobody', 'search')
    await until('none', () => bob.all('[part=conversation]').length, 0)
    bob.type('', 'search')
    await until('all of them', () => bob.all('[part=conversation]').length, 3)
  })

  it('grows to six lines with its text, and is small again when the text is sent', async () => {
    const { bob } = await withMessages('grow', 1)
    const field = bob.find('[part=input]')
    const heightOf = (text: string): number => {
      bob.type(text)
      return field.getBoundingClientRect().height
    }
    const line = heightOf('a\nb') - heightOf('a')
    expect(line).to.be.greaterThan(10)
    const one = heightOf('a')
    expect(heightOf('a\n'.repeat(5) + 'a')).to.be.closeTo(one + 5 * line, 5)
    expect(heightOf('a\n'.repeat(50))).to.be.closeTo(one + 5 * line, line / 2)
    bob.write('b')
    expect(field.getBoundingClientRect().height).to.equal(one)
  })
})
