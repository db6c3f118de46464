import { expect } from '@open-wc/testing'
import { ChatSession } from '../../src/session/index.js'
import { useGateway } from '../element/support.js'
import { until } from '../support/until.js'
import { mountWindow, nextFrame, press } from './support.js'

describe('The chat window', () => {
  const gateway = useGateway()
  afterEach(() => sessionStorage.clear())

  it('lists the conversations, the newest first, and what is unread in each', async () => {
    const ann = await gateway.active('list-ann')
    const cy = await gateway.active('list-cy')
    await ann.send({ to: 'list-bob', body: 'one' })
    await cy.send({ to: 'list-bob', body: 'two' })
    await ann.send({ to: 'list-bob', body: '<b>three</b>' })
    const bob = await mountWindow(gateway, 'list-bob')
    expect(bob.texts('[part=preview]')).to.deep.equal(['<b>three</b>', 'two'])
    expect(bob.texts('[part=unread]')).to.deep.equal(['2', '1'])
    await until('who is online', () => bob.all('[part=presence]').length, 2)
    expect(bob.is('thread'), 'no conversation opens by itself').to.equal(false)
    expect(bob.chat.unread, 'nothing is read').to.equal(3)
    await bob.choose('list-ann')
    await until('the thread', () => bob.bodies().join(), 'one,<b>three</b>')
    expect(bob.all('[part=day]').length).to.equal(1)
    expect(bob.is('thread')).to.equal(true)
    await until('what is unread', () => bob.chat.unread, 1)
    await until('the count of the other one', () => bob.texts('[part=unread]').join(), '1')
    await cy.send({ to: 'list-bob', body: 'four' })
    await until('the new order', () => bob.texts('[part=preview]').join(), 'four,<b>three</b>')
    expect(bob.texts('[part=unread]')).to.deep.equal(['2'])
    press(bob.find('[part=input]'), 'Escape')
    await until('the list', () => bob.all('[part=thread]').length, 0)
  })

  it('shows the line “new” where reading stopped', async () => {
    const ann = await gateway.active('new-ann')
    await ann.send({ to: 'new-bob', body: 'one' })
    const bob = await mountWindow(gateway, 'new-bob')
    await bob.choose('new-ann')
    await until('it is read', () => bob.chat.unread, 0)
    bob.element.close()
    await until('the list', () => bob.all('[part=thread]').length, 0)
    await ann.send({ to: 'new-bob', body: 'two' })
    await until('it is unread', () => bob.texts('[part=unread]').join(), '1')
    await bob.choose('new-ann')
    await until('the line', () => bob.texts('[part=new], .text').join(), 'one,New,two')
  })

  it('shows the id of a user whose name it lacks, whatever the id is, and the name where it is known', async () => {
    for (const id of ['constructor', '__proto__']) {
      const odd = await gateway.active(id)
      await odd.send({ to: 'odd-bob', body: 'Hi' })
    }
    const known = await gateway.active('odd-known', { user: { name: 'Known Name' } })
    await known.send({ to: 'odd-bob', body: 'Hi' })
    const bob = await mountWindow(gateway, 'odd-bob')
    expect(bob.texts('[part=name]')).to.deep.equal(['Known Name', '__proto__', 'constructor'])
  })

  it('shows the name of somebody who never wrote once a message was sent there', async () => {
    await gateway.active('silent-ann', { user: { name: 'Ann Silent' } })
    const bob = await mountWindow(gateway, 'silent-bob', { peer: 'silent-ann' })
    expect(bob.texts('[part=name]')).to.deep.equal(['silent-ann'])
    let listedAt = performance.now()
    const { peers } = bob.chat
    bob.chat.peers = (range) => {
      listedAt = performance.now()
      return peers.call(bob.chat, range)
    }
    // A load of the list that is due anyway would bring the name, too.
    await until('no load is due', () => performance.now() > listedAt + 1_000)
    bob.write('Are you there?')
    await until('the name', () => bob.texts('[part=name]').join(), 'Ann Silent')
  })

  it('shows who writes later as online, and forgets what is read in another tab', async () => {
    const bob = await mountWindow(gateway, 'later-bob')
    expect(bob.is('empty')).to.equal(true)
    const ann = await gateway.active('later-ann')
    await ann.send({ to: 'later-bob', body: 'one' })
    await until('the first one', () => bob.all('[part=presence]').length, 1)
    const cy = await gateway.active('later-cy')
    await cy.send({ to: 'later-bob', body: 'two' })
    await until('who wrote later', () => bob.all('[part=presence]').length, 2)
    expect(bob.texts('[part=unread]')).to.deep.equal(['1', '1'])
    const token = await gateway.token('later-bob')
    const elsewhere = new ChatSession({ endpoint: gateway.url, appId: 'app', token })
    await elsewhere.start()
    await elsewhere.markRead(2, { with: 'later-cy' })
    await until('what is unread', () => bob.texts('[part=unread]').join(), '1')
    await elsewhere.markRead(1)
    await until('that all is read', () => bob.all('[part=unread]').length, 0)
    await elsewhere.end()
    await cy.end()
    await until('who has left', () => bob.all('[part=presence]').length, 1)
  })

  it('shows a message as waiting until it is stored, as one node, and that the other one types', async () => {
    const bob = await mountWindow(gateway, 'write-bob', { peer: 'write-ann' })
    const ann = await mountWindow(gateway, 'write-ann', { peer: 'write-bob' })
    bob.write('Is it there?')
    await until('the message', () => bob.all('[part~=own]').length, 1)
    const node = bob.find('[part~=own]')
    await until('the sign', () => bob.find('[part=status]').ariaLabel, 'Sent')
    expect(bob.find('[part~=own]'), 'the node stays').to.equal(node)
    await until('the message there', () => ann.bodies().join(), 'Is it there?')
    ann.type('Y')
    await until('typing', () => bob.texts('[part=typing]').join(), 'write-ann is typing…')
    ann.write('Yes.')
    await until('the answer', () => bob.bodies().join(), 'Is it there?,Yes.')
    expect(bob.texts('[part=typing]')).to.deep.equal([])
  })

  it('keeps a text in its conversation and over a page change, and deletes it at the log-out', async () => {
    const bob = await mountWindow(gateway, 'draft-bob')
    bob.element.show('draft-ann', { name: 'Ann' })
    await until('the field', () => bob.all('[part=input]').length, 1)
    const value = (): string | undefined =>
      (bob.all('[part=input]')[0] as HTMLTextAreaElement | undefined)?.value
    bob.type('Half a')
    bob.element.show('draft-cy')
    await until('an empty field', value, '')
    bob.element.show('draft-ann')
    await until('the text', value, 'Half a')
    bob.element.remove()
    document.body.append(bob.element)
    await until('the window is ready', () => bob.is('ready'))
    bob.element.show('draft-ann')
    await until('the text again', value, 'Half a')
    await bob.chat.end()
    expect(Object.keys(sessionStorage).filter((key) => key.startsWith('chat-window'))).to.deep.equal([])
    await bob.chat.start()
    bob.element.show('draft-ann')
    await until('no text', value, '')
  })

  it('shows the next user nothing of the former one, in the turn in which the session says so', async () => {
    const ann = await gateway.active('next-ann')
    await ann.send({ to: 'next-bob', body: 'Only for Bob' })
    const bob = await mountWindow(gateway, 'next-bob')
    await bob.choose('next-ann')
    await until('the message', () => bob.bodies().join(), 'Only for Bob')
    let seen = ''
    bob.chat.addEventListener('session-state', ({ detail }) => {
      if (detail.state === 'ended') setTimeout(() => (seen = bob.element.shadowRoot?.textContent ?? ''))
    })
    Object.assign(bob.chat, { userId: 'next-cy', token: await gateway.token('next-cy') })
    await until('the next user', () => bob.chat.session?.user?.id, 'next-cy')
    expect(seen).to.not.contain('Only for Bob')
    expect(bob.all('[part=thread]').length).to.equal(0)
    await ann.send({ to: 'next-cy', body: 'For Cy' })
    await until('the conversations', () => bob.texts('[part=preview]').join(), 'For Cy')
  })

  it('is logged out without a tag, with one that has no user, and after the end', async () => {
    const element = document.createElement('chat-window')
    element.innerHTML = '<p slot="logged-out">Please log in</p>'
    document.body.append(element)
    const is = (state: string) => (): boolean => element.matches(`:state(${state})`)
    await until('no tag', is('logged-out'))
    const chat = gateway.mount({})
    await until('no user', is('logged-out'))
    Object.assign(chat, { userId: 'out-bob', token: await gateway.token('out-bob') })
    await until('a user', is('ready'))
    await chat.end()
    await until('the end', is('logged-out'))
    chat.remove()
    await until('no tag again', is('logged-out'))
    const other = await gateway.active('out-cy')
    await until('another tag', is('ready'))
    expect(other.state).to.equal('active')
  })

  it('says that a conversation with an id that no user can have is not to be shown', async () => {
    const bob = await mountWindow(gateway, 'never-bob', { peer: 'never\u0007ann' })
    expect(bob.all('[part=input]').length, 'no user can have this id').to.equal(0)
    expect(bob.texts('.hint')).to.deep.equal(['This can’t be shown now.'])
  })

  it('opens and closes as a launcher, with the unread count on its button, and gives the focus back', async () => {
    const ann = await gateway.active('dock-ann')
    await ann.send({ to: 'dock-bob', body: 'Hi' })
    const bob = await mountWindow(gateway, 'dock-bob', { launcher: true })
    await until('the count', () => bob.texts('[part=badge]').join(), '1')
    expect(bob.all('[part=list]').length).to.equal(0)
    bob.find('[part=launcher]').click()
    await until('the list', () => bob.all('[part=list]').length, 1)
    expect(bob.element.open).to.equal(true)
    await bob.choose('dock-ann')
    await until('it is read', () => bob.all('[part=badge]').length, 0)
    press(bob.find('[part=input]'), 'Escape')
    await until('it is closed', () => bob.all('[part=thread]').length, 0)
    expect(bob.element.open).to.equal(false)
    expect(bob.element.shadowRoot?.activeElement).to.equal(bob.find('[part=launcher]'))
    bob.element.show('dock-cy')
    await until('it is open', () => bob.texts('[part=thread] [part=name]').join(), 'dock-cy')
  })

  it('keeps a conversation that opens while the browser goes back from the one before', async () => {
    const { element, find } = await mountWindow(gateway, 'swift-bob', { launcher: true })
    const entry = (): unknown => (history.state as Record<string, unknown> | null)?.['chat-window']
    element.show('swift-ann')
    await element.updateComplete
    const first = entry()
    expect(first).to.be.a('number')
    const wentBack = new Promise((resolve) => addEventListener('popstate', resolve, { once: true }))
    find('[part=back]').click()
    await element.updateComplete
    element.show('swift-cy')
    await element.updateComplete
    await wentBack
    await until('an entry of its own', () => typeof entry() === 'number' && entry() !== first, true)
    expect(find('[part=thread] [part=name]').textContent).to.equal('swift-cy')
    history.back()
    await until('the list', () => element.shadowRoot?.querySelectorAll('[part=thread]').length, 0)
  })

  it('opens its one conversation as a launcher with a peer, with the count of that peer alone', async () => {
    const ann = await gateway.active('one-ann')
    const cy = await gateway.active('one-cy')
    await ann.send({ to: 'one-bob', body: 'From Ann' })
    for (const body of ['From', 'Cy']) await cy.send({ to: 'one-bob', body })
    const bob = await mountWindow(gateway, 'one-bob', { launcher: true, peer: 'one-ann' })
    await until('her count', () => bob.texts('[part=badge]').join(), '1')
    const active = (): Element | null | undefined => bob.element.shadowRoot?.activeElement
    bob.find('[part=launcher]').click()
    await until('her message', () => bob.bodies().join(), 'From Ann')
    expect(bob.all('[part=list], [part=back]'), 'there is no list').to.deep.equal([])
    expect(active()).to.equal(bob.find('[part=input]'))
    await until('it is read, and what others wrote is not', () => bob.chat.unread, 2)
    await until('no count', () => bob.all('[part=badge]').length, 0)
    press(bob.find('[part=input]'), 'Escape')
    await until('it is closed', () => bob.all('[part=thread]').length, 0)
    expect(bob.element.open).to.equal(false)
    expect(active()).to.equal(bob.find('[part=launcher]'))
    await ann.send({ to: 'one-bob', body: 'Again' })
    await until('the next count', () => bob.texts('[part=badge]').join(), '1')
    bob.find('[part=launcher]').click()
    await until('both', () => bob.bodies().join(), 'From Ann,Again')
    bob.find('[part=close]').click()
    await until('it is closed again', () => bob.all('[part=thread]').length, 0)
    expect(active()).to.equal(bob.find('[part=launcher]'))
    bob.element.show('one-cy')
    await until('somebody else', () => bob.bodies().join(), 'From,Cy')
    bob.element.close()
    await until('back to her', () => bob.bodies().join(), 'From Ann,Again')
    bob.element.close()
    await until('closed', () => bob.all('[part=thread]').length, 0)
  })

  it('loads more conversations when one scrolls the list to its end, or searches, and keeps the place', async () => {
    const bob = await mountWindow(gateway, 'pages-bob')
    const names = Array.from({ length: 130 }, (_, index) => `pages-${index + 1}`)
    const { chat } = bob
    for (const to of names) await chat.send({ to, body: 'Hi' })
    // A window that comes when all of them are there.
    bob.element.remove()
    document.body.append(bob.element)
    await until('the first part', () => bob.all('[part=conversation]').length, 50)
    await bob.element.updateComplete
    const rows = bob.find('.rows')
    const shown = (): string[] => bob.texts('[part=name]')
    const newestFirst = [...names].reverse()
    expect(shown()).to.deep.equal(newestFirst.slice(0, 50))
    for (const count of [100, 130]) {
      rows.scrollTop = rows.scrollHeight
      const last = bob.all('[part=conversation]').at(-1)
      await until(`${count} of them`, () => shown().length, count)
      await nextFrame()
      const { top, bottom } = rows.getBoundingClientRect()
      expect(last?.getBoundingClientRect().top, 'what was seen is seen still').to.be.within(top, bottom)
    }
    expect(shown()).to.deep.equal(newestFirst)
    expect(bob.all('.more').length, 'no more are asked for').to.equal(0)
    bob.element.remove()
    document.body.append(bob.element)
    await until('the first part again', () => bob.all('[part=conversation]').length, 50)
    bob.type('pages-7', 'search')
    const found = newestFirst.filter((name) => name.includes('pages-7'))
    await until('those that were not loaded', () => shown().join(), found.join())
  })

  it('neither sends nor closes with the keys that end a composition, in Safari too', async () => {
    const bob = await mountWindow(gateway, 'compose-bob')
    bob.element.show('compose-ann')
    await until('the field', () => bob.all('[part=input]').length, 1)
    const field = bob.find('[part=input]') as HTMLTextAreaElement
    field.value = 'にほん'
    expect(press(field, 'Enter', { keyCode: 229 })).to.equal(true)
    expect(press(field, 'Enter', { isComposing: true })).to.equal(true)
    expect(press(field, 'Enter', { shiftKey: true })).to.equal(true)
    expect(bob.all('[part~=own]').length).to.equal(0)
    press(field, 'Escape', { isComposing: true })
    await bob.element.updateComplete
    expect(bob.all('[part=thread]').length).to.equal(1)
  })

  it('keeps a text that is too long, uncut and unsent, and says so', async () => {
    const bob = await mountWindow(gateway, 'long-bob', { peer: 'long-ann' })
    const text = 'ä'.repeat(8_193)
    bob.write(text)
    await until('the sentence', () => bob.texts('#too-long').join(), 'This text is too long.')
    expect((bob.find('[part=input]') as HTMLTextAreaElement).value).to.equal(text)
    expect(bob.all('[part~=own]').length).to.equal(0)
    bob.write(text.slice(1))
    await until('it is sent', () => bob.all('[part~=own]').length, 1)
    expect(bob.texts('#too-long')).to.deep.equal([''])
  })
})
