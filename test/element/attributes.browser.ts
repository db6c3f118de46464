import { expect } from '@open-wc/testing'
import { ChatSessionElement } from '../../src/element/define.js'
import { nextTask } from './support.js'

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
