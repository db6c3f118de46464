import { expect, oneEvent } from '@open-wc/testing'
import '../../src/element/define.js'
import { createToken } from '../../src/tokens/index.js'
import { startGateway, stopGateway } from '../support/gateway-commands.js'

const secret = 'a secret of at least 32 bytes, for tests'

describe('<chat-session>', () => {
  it('boots a verified session from its attributes, and ends it when it leaves the document', async () => {
    const endpoint = await startGateway({ apps: { app: { environment: 'test', secrets: [secret] } } })
    const element = document.createElement('chat-session')
    const token = await createToken({ appId: 'app', userId: '1', secret })
    Object.assign(element, { appId: 'app', userId: '1', token, endpoint })

    const started = oneEvent(element, 'session-started')
    document.body.append(element)
    expect((await started).detail.user).to.deep.equal({ id: '1' })

    const ended = oneEvent(element, 'session-ended')
    element.remove()
    await ended
    await stopGateway(endpoint)
  })
})
