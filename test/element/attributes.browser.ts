import { expect } from '@open-wc/testing'
import { ChatSessionElement } from '../../src/element/define.js'
import { findChat } from '../../src/element/find-chat.js'
import { toDesiredSession } from '../../src/element/session/desired-session.js'
import { nextTask, useGateway } from './support.js'

describe('The console names the attribute that was meant', () => {
  /** Returns the console's warnings while these tags are added to the page. */
  const warningsOf = async (html: string): Promise<unknown[]> => {
    const warnings: unknown[] = []
    const { warn } = console
    console.warn = (...args) => warnings.push(...args)
    try {
      document.body.innerHTML = html
      await nextTask()
    } finally {
      console.warn = warn
      document.body.replaceChildren()
    }
    return warnings
  }

  it('for a missing hyphen, an underscore or a capital letter, once per page for each', async () => {
    const html = `<chat-session appId="app" user_id="1" TOKENURL="/token" user-photourl="" guest></chat-session>
      <chat-session appid="app" appid_="app"></chat-session>`
    expect(await warningsOf(html)).to.deep.equal([
      '<chat-session> has no attribute appid: write app-id',
      '<chat-session> has no attribute user_id: write user-id',
      '<chat-session> has no attribute tokenurl: write token-url',
      '<chat-session> has no attribute user-photourl: write user-photo-url',
      '<chat-session> has no attribute appid_: write app-id',
    ])
    expect(await warningsOf(html)).to.deep.equal([])
    const starting = '<chat-session app-id="app" guest endpoint="http://localhost:1"></chat-session>'
    expect(await warningsOf(starting)).to.deep.equal([])
    expect(await warningsOf(html), 'after a session has begun to start').to.deep.equal([])
  })

  it('and no warning for attributes that are spelled right, or that the element does not have', async () => {
    const tag = document.createElement('chat-session')
    for (const name of [
      ...ChatSessionElement.observedAttributes,
      'id',
      'class',
      'data-app-id',
      'slot',
      'user',
    ])
      tag.setAttribute(name, '')
    expect(await warningsOf(tag.outerHTML)).to.deep.equal([])
  })
})

describe('Blanks and line breaks around attributes', () => {
  const gateway = useGateway()
  const chat = (): ChatSessionElement => {
    const found = document.querySelector('chat-session')
    if (!found) throw new Error('The page has no <chat-session>.')
    return found
  }
  afterEach(() => document.body.replaceChildren())

  it('do not count, wherever a template has left them', async () => {
    const token = await gateway.token('ada')
    document.body.innerHTML = `<chat-session
      app-id="\n  app \n" user-id=" ada\n" token="\n  ${token}\n " endpoint="\n ${gateway.url} " since=" \n" transports=" websocket\n"
      user-name="\n Ada \n" user-photo-url=" https://example.com/ada.png\n"></chat-session>`
    const element = chat()
    const session = await element.whenStarted()
    expect(session.user).to.deep.equal({ id: 'ada', name: 'Ada', photoUrl: 'https://example.com/ada.png' })
    expect(session.appId).to.equal('app')
  })

  it('do not count in a token-url and in a signature', () => {
    const element = new ChatSessionElement()
    const attributes = { 'app-id': ' app\n', 'user-id': '\tada ', endpoint: ` ${gateway.url}\n` }
    for (const [name, value] of Object.entries({
      ...attributes,
      'token-url': '\n /token ',
      signature: ' 5ff\n',
    }))
      element.setAttribute(name, value)
    const { endpoint, appId, userId, credentials } = toDesiredSession(element, null) ?? {}
    expect({ endpoint, appId, userId }).to.deep.equal({
      endpoint: `${gateway.url}/`,
      appId: 'app',
      userId: 'ada',
    })
    expect(credentials?.tokenUrl).to.equal(`${location.origin}/token`)
    expect(credentials?.signature).to.equal('5ff')
  })

  it('alone are an absent token', async () => {
    document.body.innerHTML = `<chat-session app-id="app" user-id="ada" token="\n  "></chat-session>`
    await nextTask()
    expect(chat().error?.code).to.equal('no-credentials')
  })

  it('do not hide the session from a tag that names its app', async () => {
    document.body.innerHTML = '<chat-session app-id="\n app "></chat-session>'
    const found = findChat(document.body, ' app')
    await nextTask()
    expect(found).to.equal(document.querySelector('chat-session'))
  })
})
