import { expect } from '@open-wc/testing'
import type { ChatSessionElement } from '../../../src/element/define.js'
import { SessionErrorEvent } from '../../../src/element/events/events.js'
import { until } from '../../support/until.js'
import { useGateway } from '../support.js'

describe('A form with data-chat-session', () => {
  const gateway = useGateway()

  /** The forms that went to the site's backend. */
  let posted: HTMLFormElement[] = []
  const over = new AbortController()
  before(async () => {
    // The first form loads what sends forms, so that its listener comes before this one.
    document.body.append(gateway.make({ manual: true }))
    await add()
    document.body.replaceChildren()
    // What nobody prevented would leave the page.
    window.addEventListener(
      'submit',
      (event) => {
        if (event.defaultPrevented) return
        event.preventDefault()
        posted.push(event.target as HTMLFormElement)
      },
      { signal: over.signal },
    )
  })
  after(() => over.abort())
  /** Each test has users of its own. */
  let number = 0
  beforeEach(() => {
    posted = []
    number += 1
  })

  const add = async (
    fields = '',
    attributes = 'data-chat-session',
    parent: Element | ShadowRoot = document.body,
  ): Promise<HTMLFormElement> => {
    const template = document.createElement('template')
    template.innerHTML = `<form method="post" action="/messages" ${attributes}>
      <input type="hidden" name="to" value="bob-${number}"><input type="hidden" name="id" value="made-by-the-server">
      <textarea name="body" required></textarea><button>Send</button>${fields}</form>`
    const form = template.content.firstElementChild as HTMLFormElement
    parent.append(form)
    // The first focus loads what sends the form.
    body(form).focus()
    // A window that has not the focus dispatches no such event: Firefox's in these tests.
    if (!document.hasFocus())
      body(form).dispatchEvent(new FocusEvent('focusin', { bubbles: true, composed: true }))
    await new Promise((resolve) => setTimeout(resolve))
    return form
  }
  const body = (form: HTMLFormElement): HTMLTextAreaElement => {
    const field = form.querySelector('textarea')
    if (!field) throw new Error('The form has no text.')
    return field
  }
  const idOf = (form: HTMLFormElement): string =>
    form.querySelector<HTMLInputElement>('[name=id]')?.value ?? ''
  /** Returns the error that a form's event has. */
  const errorOf = (event: Event): SessionErrorEvent => {
    if (event instanceof SessionErrorEvent) return event
    throw new Error(`There was ${event.type}.`)
  }
  const write = (form: HTMLFormElement, text: string, button = 'button'): Promise<Event> =>
    new Promise((resolve) => {
      for (const type of ['session-sent', 'session-error'])
        form.addEventListener(type, resolve, { once: true })
      body(form).value = text
      form.requestSubmit(form.querySelector<HTMLButtonElement>(button))
    })
  const submit = (form: HTMLFormElement, text: string, button = 'button'): void =>
    void write(form, text, button)
  const newest = async (element: ChatSessionElement): Promise<object | undefined> =>
    (await element.history()).at(-1)

  /** A page with ann's element; bob exists. */
  const ann = async (): Promise<ChatSessionElement> => {
    const bob = await gateway.active(`bob-${number}`)
    bob.remove()
    return gateway.active(`ann-${number}`)
  }

  it('sends its message with the id that the server made, is reset, and gets another id', async () => {
    const element = await ann()
    const form = await add('<input name="data.product" value="clock"><input name="csrf" value="secret">')
    const event = write(form, 'Hello')
    expect([body(form).value, idOf(form) === 'made-by-the-server']).to.deep.equal(['', false])
    const { type, detail, bubbles } = (await event) as CustomEvent<{ id: string; offset: number }>
    expect([type, detail.id, bubbles]).to.deep.equal(['session-sent', 'made-by-the-server', false])
    expect(await newest(element)).to.deep.include({
      id: 'made-by-the-server',
      to: `bob-${number}`,
      body: 'Hello',
      data: { product: 'clock' },
    })
    const id = idOf(form)
    const again = (await write(form, 'Again')) as CustomEvent<{ id: string }>
    expect(again.detail.id).to.equal(id)
    expect(posted).to.deep.equal([])
  })

  it('is one message if the site posts it with the same id, and the same content', async () => {
    const element = await ann()
    const form = await add()
    await write(form, 'Hello')
    const { offset } = await element.send({ to: `bob-${number}`, id: 'made-by-the-server', body: 'Hello' })
    expect(await newest(element)).to.deep.include({ offset })
  })

  it('dispatches session-error if the message is refused, and gives the text back', async () => {
    await ann()
    const form = await add()
    const error = write(form, 'x'.repeat(20_000))
    const event = errorOf(await error)
    expect([event.type, event.bubbles]).to.deep.equal(['session-error', true])
    expect(event.detail.error.code).to.be.oneOf(['too-large', 'bad-request'])
    expect([body(form).value.length, idOf(form)]).to.deep.equal([20_000, 'made-by-the-server'])
  })

  it('gives a refused text back with the recipient and the data that the user had chosen for it', async () => {
    await ann()
    const choices = `<select name="to"><option>carl-${number}</option><option>bob-${number}</option></select>
      <label><input type="radio" name="data.kind" value="order" checked></label>
      <label><input type="radio" name="data.kind" value="question"></label>
      <input type="checkbox" name="data.urgent" value="yes">`
    const form = await add(choices)
    form.querySelector('[type=hidden][name=to]')?.remove()
    const chosen = (): unknown[] =>
      ['to', 'data.kind', 'data.urgent'].map((name) => new FormData(form).get(name))
    const choose = (to: string): void => {
      const select = form.querySelector('select')
      if (select) select.value = to
    }
    const pick = (): void => {
      choose(`bob-${number}`)
      form.querySelector<HTMLInputElement>('[value=question]')?.click()
      form.querySelector<HTMLInputElement>('[value=yes]')?.click()
    }
    pick()
    const refused = write(form, 'x'.repeat(20_000))
    expect(chosen()).to.deep.equal([`carl-${number}`, 'order', null])
    await refused
    expect(chosen()).to.deep.equal([`bob-${number}`, 'question', 'yes'])
    // What the user has chosen meanwhile stays.
    choose(`carl-${number}`)
    const again = write(form, 'x'.repeat(20_000))
    form.querySelector<HTMLInputElement>('[value=question]')?.click()
    await again
    expect(chosen()).to.deep.equal([`carl-${number}`, 'question', null])
  })

  it('gives a refused text back to a field that begins with a text of the page', async () => {
    await ann()
    const form = await add()
    body(form).defaultValue = 'About the clock: '
    const refused = write(form, 'x'.repeat(20_000))
    expect(body(form).value).to.equal('About the clock: ')
    await refused
    expect([body(form).value.length, idOf(form)]).to.deep.equal([20_000, 'made-by-the-server'])
    const again = write(form, 'x'.repeat(20_000))
    body(form).value = 'About the clock: how'
    await again
    expect(body(form).value).to.equal('About the clock: how')
  })

  it('leaves the value of a button as it is when the message of another button is refused', async () => {
    await ann()
    const form = await add('<button class="yes" name="body" value="Yes">Yes</button>')
    form.querySelector('textarea')?.remove()
    const no = document.createElement('button')
    Object.assign(no, { name: 'body', value: 'x'.repeat(20_000) })
    form.append(no)
    const refused = new Promise((resolve) => form.addEventListener('session-error', resolve, { once: true }))
    form.requestSubmit(no)
    await refused
    expect(form.querySelector<HTMLButtonElement>('.yes')?.value).to.equal('Yes')
  })

  it('gets no text back over one that the user has begun, and no id back that has other content', async () => {
    const element = await ann()
    await element.send({ to: `bob-${number}`, id: 'made-by-the-server', body: 'Another text' })
    const form = await add()
    const refused = write(form, 'Hello')
    body(form).value = 'The next'
    expect(errorOf(await refused).detail.error.code).to.equal('conflict')
    expect([body(form).value, idOf(form) === 'made-by-the-server']).to.deep.equal(['The next', false])
  })

  it('goes to the site if there is no session, and waits for a reconnect', async () => {
    const form = await add()
    submit(form, 'Hello')
    expect(posted.length).to.equal(1)
    const element = gateway.mount({
      manual: true,
      userId: `ann-${number}`,
      token: await gateway.token(`ann-${number}`),
    })
    submit(form, 'Hello')
    expect(posted.length).to.equal(2)
    await element.start()
    await write(form, 'Hello')
    await element.end()
    submit(form, 'Hello')
    expect(posted.length).to.equal(3)
  })

  it('goes to the site by a button with formaction, formmethod or a name that only the site knows, and with a file', async () => {
    await ann()
    const form = await add(`<button class="draft" formaction="/drafts">Draft</button>
      <button class="get" formmethod="get">Get</button>
      <button class="named" name="commit" value="Send">Send</button>
      <button class="to" name="to" value="ann-${number}">To me</button><input type="file" name="photo">`)
    for (const button of ['.draft', '.get', '.named']) submit(form, 'Hello', button)
    expect(posted.length).to.equal(3)
    const sent = (await write(form, 'Hello', '.to')) as CustomEvent<{ id: string }>
    expect(sent.type).to.equal('session-sent')
    const files = new DataTransfer()
    files.items.add(new File(['x'], 'x.png'))
    Object.assign(form.querySelector('[type=file]') ?? {}, { files: files.files })
    submit(form, 'Hello')
    expect(posted.length).to.equal(4)
  })

  it('sends nothing of a field for a file if the user has chosen none', async () => {
    const element = await ann()
    const form = await add('<input name="data.product" value="clock"><input type="file" name="data.photo">')
    await write(form, 'Hello')
    expect(await newest(element)).to.deep.include({ body: 'Hello', data: { product: 'clock' } })
    expect(posted).to.deep.equal([])
  })

  it('is not sent while a required field is empty, nor if the page prevents it, nor without the attribute', async () => {
    const element = await ann()
    const form = await add()
    submit(form, '')
    document.addEventListener('submit', (event) => event.preventDefault(), { once: true })
    submit(form, 'Prevented')
    expect([posted, body(form).value]).to.deep.equal([[], 'Prevented'])
    const plain = await add('', '')
    submit(plain, 'Plain')
    expect(posted).to.deep.equal([plain])
    expect(await element.history()).to.deep.equal([])
  })

  it('is sent in a shadow tree, by the session of its app', async () => {
    await ann()
    const other = gateway.mount({ appId: 'other', guest: true })
    await other.whenStarted()
    const host = document.createElement('div')
    const root = host.attachShadow({ mode: 'open' })
    document.body.append(host)
    const form = await add('', 'data-chat-session="other"', root)
    const { detail } = (await write(form, 'Hello')) as CustomEvent<unknown>
    // A test app lets its users write to those who never came.
    await until('it is there', async () => (await other.history()).length === 1)
    expect(detail).to.have.property('id', 'made-by-the-server')
  })

  it('works with fields that stand outside of it, by their name and not by their id', async () => {
    const element = await ann()
    const form = await add('<input id="body" name="subject">', 'id="apart" data-chat-session')
    for (const field of form.querySelectorAll('textarea, [name=id]')) {
      field.setAttribute('form', 'apart')
      document.body.append(field)
    }
    const [text] = document.getElementsByName('body') as unknown as HTMLTextAreaElement[]
    const [id] = document.getElementsByName('id') as unknown as HTMLInputElement[]
    if (!text || !id) throw new Error('The fields have gone.')
    const next = (type: string): Promise<Event> =>
      new Promise((resolve) => form.addEventListener(type, resolve, { once: true }))
    text.value = 'Hello'
    const sent = next('session-sent')
    form.requestSubmit()
    await sent
    expect(await newest(element)).to.deep.include({ id: 'made-by-the-server', body: 'Hello' })
    expect(id.value).not.to.equal('made-by-the-server')
    // The same id with other content is refused, and the text comes back.
    id.value = 'made-by-the-server'
    text.value = 'Other'
    const refused = next('session-error')
    form.requestSubmit()
    expect(errorOf(await refused).detail.error.code).to.equal('conflict')
    expect([text.value, id.value === 'made-by-the-server']).to.deep.equal(['Other', false])
    expect(form.querySelector('input')?.value).to.equal(`bob-${number}`)
    expect(form.querySelector<HTMLInputElement>('#body')?.value).to.equal('')
  })

  it('is sent in a shadow tree once a field of it that stands outside had the focus', async () => {
    const element = await ann()
    const root = document.body.appendChild(document.createElement('div')).attachShadow({ mode: 'open' })
    root.innerHTML = `<form method="post" id="far" data-chat-session><input type="hidden" name="to" value="bob-${number}"></form>
      <textarea name="body" form="far">Hello</textarea>`
    const [form, text] = [root.querySelector('form'), root.querySelector('textarea')]
    text?.focus()
    if (!document.hasFocus())
      text?.dispatchEvent(new FocusEvent('focusin', { bubbles: true, composed: true }))
    await new Promise((resolve) => setTimeout(resolve))
    const sent = new Promise((resolve) => form?.addEventListener('session-sent', resolve, { once: true }))
    form?.requestSubmit()
    expect(posted).to.deep.equal([])
    await sent
    expect(await newest(element)).to.deep.include({ body: 'Hello' })
  })

  it('works with fields whose names hide functions of the form', async () => {
    await ann()
    const form = await add('<input name="reset"><input name="action"><input name="method">')
    expect((await write(form, 'Hello')).type).to.equal('session-sent')
  })
})
