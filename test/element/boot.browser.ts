import { expect, fixture, html, oneEvent } from '@open-wc/testing'
import { executeServerCommand } from '@web/test-runner-commands'
import '../../src/element/define.js'
import { createToken } from '../../src/tokens/index.js'

const secret = 'a secret of at least 32 bytes, for tests'

describe('<chat-session>', () => {
  it('boots a verified session from its attributes', async () => {
    const url = await executeServerCommand<string>('gateway:start', {
      apps: { app: { environment: 'test', secrets: [secret] } },
    })
    const token = await createToken({ appId: 'app', userId: '1', secret })
    const element = document.createElement('chat-session')
    element.appId = 'app'
    element.userId = '1'
    element.token = token
    element.endpoint = url
    const started = oneEvent(element, 'session-started')
    document.body.append(element)
    const event = await started
    expect(event.detail.user).to.deep.equal({ id: '1' })
    const ended = oneEvent(element, 'session-ended')
    element.remove()
    await ended
    await executeServerCommand('gateway:stop', url)
  })
})
void fixture
void html
