// demo/window: what people copy to begin a chat window of their own.
import { expect } from '@open-wc/testing'
import '../../demo/window/chat-window.js'
import { ChatSession } from '../../src/session/index.js'
import { until } from '../support/until.js'
import { useGateway } from './support.js'

type Open = HTMLElement & { open: (id: string) => Promise<void> }

describe('The chat window', () => {
  const gateway = useGateway()

  /** Puts a window for the user's session into the page. */
  const mount = async (userId: string) => {
    const chat = await gateway.active(userId)
    chat.id = userId
    const element = document.createElement('chat-window') as Open
    element.setAttribute('session', `#${userId}`)
    document.body.append(element)
    const root = element.shadowRoot ?? document
    const textsOf = (selector: string): string[] =>
      [...root.querySelectorAll(selector)].map(({ textContent }) => textContent.trim())
    const find = (selector: string): HTMLElement => {
      const found = root.querySelector<HTMLElement>(selector)
      if (!found) throw new Error(`The window has no ${selector}.`)
      return found
    }
    const write = (body: string): void => {
      const key = new KeyboardEvent('keydown', { key: 'a', bubbles: true, cancelable: true })
      expect(find('textarea').dispatchEvent(key), 'the key is typed').to.equal(true)
      Object.assign(find('textarea'), { value: body })
      find('textarea').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', cancelable: true }))
    }
    // Firefox without a window matches nothing with `:focus`.
    const hasFocus = (each: HTMLElement): boolean => root.activeElement === each
    return { chat, element, find, hasFocus, textsOf, write }
  }

  it('lists the conversations, the newest first, and marks the one that is opened as read', async () => {
    const ann = await gateway.active('list-ann')
    const cy = await gateway.active('list-cy')
    await ann.send({ to: 'list-bob', body: 'one' })
    await cy.send({ to: 'list-bob', body: 'two' })
    await ann.send({ to: 'list-bob', body: '<b>three</b>' })
    const { chat, find, textsOf } = await mount('list-bob')
    await until('the conversations', () => textsOf('nav .last').join(), '<b>three</b>,two')
    expect(textsOf('nav .count')).to.deep.equal(['2', '1'])
    expect(textsOf('nav [aria-label="online"]').length, 'who is online').to.be.at.most(2)
    await until('who is online', () => textsOf('nav [aria-label="online"]').length, 2)
    find('nav button').click()
    await until(
      'the thread',
      () =>
        textsOf('.theirs')
          .map((text) => text.split(' ')[0])
          .join(),
      'one,<b>three</b>',
    )
    expect(textsOf('h2')).to.deep.equal(['list-ann'])
    expect(textsOf('ol .line').length, 'the day').to.equal(1)
    await until('what is unread', () => chat.unread, 1)
    await until('the count of the other one', () => textsOf('nav .count').join(), '1')
    await cy.send({ to: 'list-bob', body: 'four' })
    await until('the new order', () => textsOf('nav .last').join(), 'four,<b>three</b>')
    expect(textsOf('nav .count')).to.deep.equal(['2'])
    find('section').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))
    expect(find('section').hidden).to.equal(true)
  })

  it('shows the id of a user whose name it lacks, whatever the id is', async () => {
    for (const id of ['constructor', '__proto__']) {
      const odd = await gateway.active(id)
      await odd.send({ to: 'odd-bob', body: 'Hi' })
    }
    const { textsOf } = await mount('odd-bob')
    await until('the names', () => textsOf('nav button > :first-child').join(), '__proto__ ●,constructor ●')
  })

  it('shows who writes later as online, and forgets what is read in another tab', async () => {
    const bob = await mount('later-bob')
    const ann = await gateway.active('later-ann')
    await ann.send({ to: 'later-bob', body: 'one' })
    await until('the first one', () => bob.textsOf('nav [aria-label="online"]').length, 1)
    const cy = await gateway.active('later-cy')
    await cy.send({ to: 'later-bob', body: 'two' })
    await until('who wrote later', () => bob.textsOf('nav [aria-label="online"]').length, 2)
    expect(bob.textsOf('nav .count')).to.deep.equal(['1', '1'])
    const elsewhere = new ChatSession({
      endpoint: gateway.url,
      appId: 'app',
      token: await gateway.token('later-bob'),
    })
    await elsewhere.start()
    await elsewhere.markRead(2, { with: 'later-cy' })
    await until('what is unread', () => bob.textsOf('nav .count').join(), '1')
    expect(bob.find('nav button').querySelector('.count')).to.equal(null)
    await elsewhere.markRead(1)
    await until('that all is read', () => bob.textsOf('nav .count').length, 0)
    await elsewhere.end()
    await cy.end()
    await until('who has left', () => bob.textsOf('nav [aria-label="online"]').length, 1)
  })

  it('has what was written to oneself apart from what others write', async () => {
    const bob = await mount('self-bob')
    const ann = await gateway.active('self-ann')
    await bob.element.open('self-bob')
    bob.write('A note')
    await until('the sign', () => bob.textsOf('nav .last').join(), 'A note')
    await ann.send({ to: 'self-bob', body: 'Hi' })
    await until('both', () => bob.textsOf('nav .last').join(), 'Hi,A note')
    expect(bob.textsOf('ol .theirs, ol .mine').length).to.equal(1)
  })

  it('shows a message as waiting until it is stored, and that the other one types', async () => {
    const bob = await mount('write-bob')
    const ann = await mount('write-ann')
    await bob.element.open('write-ann')
    await ann.element.open('write-bob')
    bob.write('Is it there?')
    expect(bob.find('.mine [role="img"]').ariaLabel).to.equal('waiting')
    await until('the sign', () => bob.find('.mine [role="img"]').ariaLabel, 'sent')
    await until('the message', () => ann.textsOf('.theirs').length, 1)
    expect(bob.textsOf('.mine').length, 'the own copy is the same message').to.equal(1)
    ann.find('textarea').dispatchEvent(new Event('input'))
    await until('typing', () => bob.textsOf('.typing').join(), 'write-ann types…')
    ann.write('Yes.')
    await until('the answer', () => bob.textsOf('.theirs').length, 1)
    await until('the end of typing', () => bob.textsOf('.typing').join(), '')
  })

  it('offers a message again that was refused', async () => {
    const { chat, element, find, textsOf, write } = await mount('again-bob')
    await element.open('again-ann')
    await chat.end()
    write('Later')
    await until('the reason', () => textsOf('.mine button').join(), 'Try again')
    expect(textsOf('.mine')[0]).to.contain('Not sent: ')
    find('.mine button').click()
    await until('the reason again', () => textsOf('.mine button').join(), 'Try again')
    expect(textsOf('.mine').length).to.equal(1)
  })

  it('keeps a text, and a message that is not stored, in the conversation that they were written in', async () => {
    const { chat, element, find, textsOf, write } = await mount('apart-bob')
    await element.open('apart-ann')
    await chat.end()
    write('For Ann')
    Object.assign(find('textarea'), { value: 'Half a' })
    await until('the reason', () => textsOf('.mine button').join(), 'Try again')
    void element.open('apart-cy')
    expect(textsOf('.mine')).to.deep.equal([])
    expect(find('textarea')).to.have.property('value', '')
    void element.open('apart-ann')
    expect(textsOf('.mine')[0]).to.match(/^For Ann.*Not sent: .*Try again$/)
    expect(find('textarea')).to.have.property('value', 'Half a')
  })

  it('leaves the focused conversation alone while the others change', async () => {
    const [ann, cy] = [await gateway.active('focus-ann'), await gateway.active('focus-cy')]
    await ann.send({ to: 'focus-bob', body: 'one' })
    await cy.send({ to: 'focus-bob', body: 'two' })
    const { find, hasFocus, textsOf } = await mount('focus-bob')
    await until('the conversations', () => textsOf('nav .last').join(), 'two,one')
    const button = find('nav button')
    button.focus()
    await ann.send({ to: 'focus-bob', body: 'three' })
    await until('the other one on top', () => textsOf('nav .last').join(), 'three,two')
    expect(hasFocus(button)).to.equal(true)
    await cy.send({ to: 'focus-bob', body: 'four' })
    await until('its own move', () => textsOf('nav .last').join(), 'four,three')
    expect(hasFocus(button)).to.equal(true)
  })

  it('neither sends nor closes with the keys that end a composition, in Safari too', async () => {
    const { element, find, textsOf } = await mount('compose-bob')
    await element.open('compose-ann')
    Object.assign(find('textarea'), { value: 'にほん' })
    const key = { key: 'Enter', keyCode: 229, cancelable: true }
    expect(find('textarea').dispatchEvent(new KeyboardEvent('keydown', key))).to.equal(true)
    expect(textsOf('.mine')).to.deep.equal([])
    const cancel = { key: 'Escape', isComposing: true, bubbles: true }
    find('textarea').dispatchEvent(new KeyboardEvent('keydown', cancel))
    expect(find('section').hidden).to.equal(false)
  })

  it('shows the next user nothing of the former one', async () => {
    const ann = await gateway.active('next-ann')
    await ann.send({ to: 'next-bob', body: 'Only for Bob' })
    const { chat, element, find, textsOf } = await mount('next-bob')
    await element.open('next-ann')
    expect(textsOf('.theirs').length).to.equal(1)
    await until('who is online', () => textsOf('nav [aria-label="online"]').length, 1)
    Object.assign(find('textarea'), { value: 'Half a secret' })
    Object.assign(chat, { userId: 'next-cy', token: await gateway.token('next-cy') })
    await until('the next user', () => chat.session?.user?.id, 'next-cy')
    await ann.send({ to: 'next-cy', body: 'For Cy' })
    await until('the conversations', () => textsOf('nav .last').join(), 'For Cy')
    expect(find('section').hidden).to.equal(true)
    expect(find('textarea')).to.have.property('value', '')
    await element.open('next-ann')
    expect(find('textarea')).to.have.property('value', '')
    // The former user's watch has ended with the former session.
    await ann.end()
    await until('who is online', () => textsOf('nav [aria-label="online"]').length, 0)
  })

  it('shows who has left to a user who has logged in again', async () => {
    const ann = await gateway.active('back-ann')
    await ann.send({ to: 'back-bob', body: 'one' })
    const { chat, textsOf } = await mount('back-bob')
    await until('who is online', () => textsOf('nav [aria-label="online"]').length, 1)
    Object.assign(chat, { userId: null, token: null })
    await until('the log-out', () => chat.state, 'ended')
    Object.assign(chat, { userId: 'back-bob', token: await gateway.token('back-bob') })
    await until('the log-in', () => chat.state, 'active')
    await ann.end()
    await until('who is online', () => textsOf('nav [aria-label="online"]').length, 0)
  })

  it('loads older messages when asked, and puts them above the newer ones', async () => {
    const ann = await gateway.active('old-ann')
    for (let n = 1; n <= 40; n++) await ann.send({ to: 'old-bob', body: `${n}.` })
    const { element, find, hasFocus, textsOf } = await mount('old-bob')
    await element.open('old-ann')
    const numbers = (): string[] => textsOf('.theirs').map((text) => text.split('.')[0] ?? '')
    expect(numbers()).to.deep.equal(Array.from({ length: 30 }, (_, n) => `${n + 11}`))
    find('.older').focus()
    find('.older').click()
    await until('all messages', () => numbers().length, 40)
    expect(numbers()).to.deep.equal(Array.from({ length: 40 }, (_, n) => `${n + 1}`))
    expect(find('.older').hidden).to.equal(true)
    expect(hasFocus(find('.log')), 'the focus').to.equal(true)
    void element.open('old-ann')
    await until('the newest messages', () => find('.older').hidden, false)
    void element.open('old-cy')
    expect(find('.older').hidden, 'there is nothing that is older than nothing').to.equal(true)
  })
})
