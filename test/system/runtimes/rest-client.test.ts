// The built REST client on each runtime.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { startGateway } from '../../support/gateway.js'
import { outputOf, runtimeCommands } from '../../support/processes/run-program.js'
import { secret } from '../../support/tokens.js'

const root = new URL('../../../', import.meta.url)
const { url } = await startGateway()

const program = `
import { createRestClient, RestError } from 'chat-session/rest'
const chat = createRestClient({ endpoint: ${JSON.stringify(url)}, appId: 'app', secret: ${JSON.stringify(secret)} })
await chat.sendMessage({ user: 'everywhere', body: { body: 'Hello' } })
const { messages } = await chat.listMessages({ user: 'everywhere', limit: 1 })
const error = await chat.getUser({ user: 'nobody' }).catch((caught) => caught)
console.log(messages[0].body, error instanceof RestError, error.code)`

for (const [name, command] of Object.entries(runtimeCommands(program)))
  test(`the built client calls a gateway from ${name}`, { timeout: 300_000 }, async () => {
    assert.match(await outputOf(command), /^Hello true unknown-user$/m)
  })

test('the example of docs/REST.md runs', async () => {
  const guide = await readFile(new URL('docs/REST.md', root), 'utf8')
  const [, code = ''] = /^```js rest\n(.*?)^```$/ms.exec(guide) ?? []
  const here = code.replace('https://chat.example.com', url).replace("'hF83jaq'", "'app'")
  const output = await outputOf([process.execPath, '--input-type=module', '--eval', here])
  assert.equal(output, "[ '12345: 0', '67890: 1' ]\n404 unknown-user\n")
})
