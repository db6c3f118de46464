import { expect } from '@open-wc/testing'
import { until } from '../../support/until.js'
import { nextEvent, useGateway } from '../support.js'

describe('<chat-session badge>', () => {
  const gateway = useGateway()

  /** An icon of 2 × 2 pixels. */
  const icon =
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAYAAABytg0kAAAAEElEQVR42mP8z8AARAwQCgAf7gMAbNWbUAAAAABJRU5ErkJggg=='
  let links: HTMLLinkElement[] = []
  const addIcon = (href: string): HTMLLinkElement => {
    const link = Object.assign(document.createElement('link'), { rel: 'icon', href })
    document.head.append(link)
    links.push(link)
    return link
  }
  beforeEach(() => (document.title = 'Inbox'))
  afterEach(() => {
    for (const link of links) link.remove()
    links = []
  })
  const untilTitle = (title: string): Promise<void> => until('the title', () => document.title, title)

  it('shows the unread count before the title, and puts the title back when the session ends', async () => {
    const ann = await gateway.active('ann')
    const bob = gateway.mount({ userId: 'bob', token: await gateway.token('bob'), badge: 'title' })
    expect(document.title).to.equal('Inbox')
    await bob.whenStarted()
    expect(document.title).to.equal('Inbox')
    await ann.send({ to: 'bob', body: 'Hi' })
    await untilTitle('(1) Inbox')
    await ann.send({ to: 'bob', body: 'Hi' })
    await untilTitle('(2) Inbox')
    await bob.markRead(2)
    await untilTitle('Inbox')
    await ann.send({ to: 'bob', body: 'Hi' })
    await untilTitle('(1) Inbox')
    await bob.end()
    await untilTitle('Inbox')
  })

  it('follows a page that changes its title, and one that makes its title of the title that it reads', async () => {
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob-t', { badge: 'title' })
    await ann.send({ to: 'bob-t', body: 'Hi' })
    await untilTitle('(1) Inbox')
    document.title = 'Settings'
    await untilTitle('(1) Settings')
    document.title = `${document.title} of Bob`
    await ann.send({ to: 'bob-t', body: 'Hi' })
    await untilTitle('(2) Settings of Bob')
    const title = document.querySelector('title')
    const replaced = document.createElement('title')
    replaced.textContent = 'Another page'
    title?.replaceWith(replaced)
    await untilTitle('(2) Another page')
    bob.remove()
    await untilTitle('Another page')
  })

  it('leaves nothing in the title of a page that has none', async () => {
    document.title = ''
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob-e', { badge: 'title' })
    await ann.send({ to: 'bob-e', body: 'Hi' })
    await untilTitle('(1)')
    await ann.send({ to: 'bob-e', body: 'Hi' })
    await untilTitle('(2)')
    document.title = 'Settings'
    await untilTitle('(2) Settings')
    document.title = ''
    await untilTitle('(2)')
    await bob.markRead(2)
    await untilTitle('')
    bob.remove()
  })

  it('takes its counts off titles that the page has kept and puts back, also within others and after the end', async () => {
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob-k', { badge: 'title' })
    const kept: string[] = []
    for (let count = 1; count <= 3; count += 1) {
      await ann.send({ to: 'bob-k', body: 'Hi' })
      await untilTitle(`(${count}) Inbox`)
      kept.push(document.title)
    }
    for (const title of kept) {
      document.title = 'A dialog'
      await untilTitle('(3) A dialog')
      document.title = title
      await untilTitle('(3) Inbox')
    }
    document.title = `* ${kept[0]} of Bob`
    await untilTitle('(3) * Inbox of Bob')
    document.title = '(2) (3) (1) Inbox'
    await untilTitle('(3) Inbox')
    bob.remove()
    await untilTitle('Inbox')
    for (const title of kept) {
      document.title = title
      await untilTitle('Inbox')
    }
  })

  it('keeps a number in brackets that is the page’s own', async () => {
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob-o', { badge: 'title' })
    for (let count = 1; count <= 2; count += 1) {
      await ann.send({ to: 'bob-o', body: 'Hi' })
      await untilTitle(`(${count}) Inbox`)
    }
    for (const own of ['(1) Jaws', '(2) (1) Chairs', '(7) days']) {
      document.title = own
      await untilTitle(`(2) ${own}`)
    }
    bob.remove()
    await untilTitle('(7) days')
  })

  it('touches the title once for several elements, and shows the sum of several sessions', async () => {
    const ann = await gateway.active('ann')
    const twins = [
      await gateway.active('twin', { badge: 'title' }),
      await gateway.active('twin', { badge: 'title' }),
    ]
    await gateway.active('single', { badge: 'title' })
    for (const to of ['twin', 'single', 'single']) await ann.send({ to, body: 'Hi' })
    await untilTitle('(3) Inbox')
    twins[0]?.remove()
    await until('the first one releases the session', () => twins[0]?.session === null)
    expect(document.title).to.equal('(3) Inbox')
    twins[1]?.remove()
    await untilTitle('(2) Inbox')
  })

  it('is turned on and off by the attribute, even if another element shares the session', async () => {
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob-a')
    const other = await gateway.active('bob-a', { badge: 'title' })
    await ann.send({ to: 'bob-a', body: 'Hi' })
    await untilTitle('(1) Inbox')
    other.removeAttribute('badge')
    other.badge = null
    await untilTitle('Inbox')
    bob.setAttribute('badge', 'favicon title')
    await untilTitle('(1) Inbox')
    bob.remove()
    await untilTitle('Inbox')
  })

  it('shows a dot on each icon of the page while something is unread, and puts the icons back', async () => {
    const [one, two] = [addIcon(icon), addIcon('/no-such-icon.png')]
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob-f', { badge: 'favicon' })
    expect(one.getAttribute('href')).to.equal(icon)
    await ann.send({ to: 'bob-f', body: 'Hi' })
    await until('there is a dot', () => one.href.startsWith('data:image/png') && one.href !== icon)
    // An icon that can't be read stays as it is.
    expect(two.getAttribute('href')).to.equal('/no-such-icon.png')
    const image = Object.assign(new Image(), { src: one.href })
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 })
    const context = canvas.getContext('2d')
    context?.drawImage(image, 0, 0)
    expect([...(context?.getImageData(48, 16, 1, 1).data ?? [])]).to.deep.equal([0xd6, 0x20, 0x4e, 255])
    const later = addIcon(icon)
    await until('a later icon has a dot', () => later.href !== icon)
    const read = nextEvent(bob, 'session-unread')
    await bob.markRead(1)
    await read
    await until('the icons are back', () => one.href === icon && later.href === icon)
  })

  it('keeps the icon that a page without one sets while the dot is shown', async () => {
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob-i', { badge: 'favicon' })
    expect(document.querySelector('link[rel~=icon]')).to.equal(null)
    await ann.send({ to: 'bob-i', body: 'Hi' })
    await until('there is a link', () => !!document.querySelector('link[rel~=icon]'))
    // The page looks for its icon, as many pages do that change it, and finds the link of the dot.
    const link = document.querySelector<HTMLLinkElement>('link[rel~=icon]') ?? addIcon(icon)
    links.push(link)
    link.href = icon
    await until('the new icon has a dot', () => link.href.startsWith('data:image/png') && link.href !== icon)
    await bob.markRead(1)
    await until('the icon is back', () => link.getAttribute('href') === icon)
    expect(link.isConnected).to.equal(true)
    bob.remove()
  })

  it("shows the count on the installed app's icon, and clears it at 0 and at the end", async () => {
    const calls: unknown[] = []
    const fake = {
      setAppBadge: (count: number) => Promise.resolve(void calls.push(count)),
      clearAppBadge: () => Promise.resolve(void calls.push('clear')),
    }
    Object.defineProperties(
      navigator,
      Object.fromEntries(Object.entries(fake).map(([name, value]) => [name, { value, configurable: true }])),
    )
    try {
      const ann = await gateway.active('ann')
      const bob = gateway.mount({ userId: 'bob-app', token: await gateway.token('bob-app'), badge: 'app' })
      await bob.updateComplete
      expect(calls).to.deep.equal([])
      await bob.whenStarted()
      await until('the count is known', () => calls.length > 0)
      expect(calls).to.deep.equal(['clear'])
      await ann.send({ to: 'bob-app', body: 'Hi' })
      await until('the count', () => calls.at(-1) === 1)
      await bob.end()
      await until('the badge is gone', () => calls.at(-1) === 'clear')
    } finally {
      for (const name of Object.keys(fake)) Reflect.deleteProperty(navigator, name)
    }
  })
})
