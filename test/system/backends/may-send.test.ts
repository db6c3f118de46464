// The code of docs/backends/ that decides about messages, run in its own language, behind a gateway's authorizeSendUrl.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { codesOf, postAs } from '../../support/clients/posted-sends.js'
import { startGateway } from '../../support/gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { startCaller } from './caller.js'
import { mintersOf, names } from './workspace.js'

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`
const [secret, old] = [newSecret(), newSecret()]

for (const language of names)
  test(`${language}: the code decides about the messages that the gateway asks about, and answers nobody else`, async () => {
    const [minter = assert.fail()] = mintersOf(language)
    const env = {
      CHAT_APP_ID: 'app',
      CHAT_SECRET: 'unused',
      CHAT_ENDPOINT: 'http://unused',
      CHAT_SEND_SECRET: secret,
    }
    const caller = startCaller(language, env, minter)
    const statuses: unknown[] = []
    const { url: backend } = await startServer((request, response) => {
      const answer = async (): Promise<void> => {
        const result = await caller.call('maySend', request.headers, await text(request))
        const { status, body } = result.answer as { status: number; body: string }
        statuses.push(status)
        response.writeHead(status).end(body)
      }
      void answer()
    })
    const authorizeSendUrl = (secrets: string[]) => ({ url: backend, secrets, timeout: 10 })
    const { url } = await startGateway({ authorizeSendUrl: authorizeSendUrl([old, secret]) })
    const messages = [{ id: '1', to: 'bob', body: 'Grüße 😀 "\\ \u2028', data: { list: ['ä', null] } }]
    assert.deepEqual(codesOf(await postAs(url, 'ada', messages)), [undefined])
    const { results } = await postAs(url, 'eve', messages)
    assert.deepEqual(
      [results[0]?.['code'], results[0]?.['message']],
      ['refused', 'This user does not take messages from you.'],
    )
    const { url: stranger } = await startGateway({ authorizeSendUrl: authorizeSendUrl([newSecret()]) })
    assert.deepEqual(codesOf(await postAs(stranger, 'ada', messages)), ['refused'])
    assert.deepEqual(statuses, [200, 200, 401])
    await caller.close()
  })
