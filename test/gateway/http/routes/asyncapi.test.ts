import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asyncApiDocument } from '../../../../src/gateway/http/routes/asyncapi.js'
import {
  clientFrames,
  closeAction,
  closeCodes,
  errorMessages,
  gatewayFrames,
  parse,
  VERSION,
} from '../../../../src/protocol/index.js'
import type { FrameTable } from '../../../../src/protocol/schema.js'
import { fields, wholeFrames } from '../../../protocol/frames.js'
import { startGateway } from '../../../support/gateway.js'
import { createValidator, lint } from '../../../support/rest/openapi.mjs'

interface Message {
  name: string
  payload: { required: string[]; properties: Record<string, unknown> }
}
interface Document {
  asyncapi: string
  info: { version: string }
  channels: {
    session: {
      address: string
      messages: Record<string, Message>
      'x-close-codes': Record<string, unknown>
    }
  }
  operations: Record<string, { action: string; messages: { $ref: string }[] }>
}

const document = asyncApiDocument() as unknown as Document
const problemOf = createValidator(document)
const tables: Record<string, FrameTable> = { client: clientFrames, gateway: gatewayFrames }

test('the document passes the linter', async () => {
  // A client proves who its user is in the first frame. AsyncAPI has no security scheme for that.
  assert.deepEqual(await lint(JSON.stringify(document), { 'security-defined': 'off' }), [])
})

test('the gateway serves the document, to anyone, with its own version', async () => {
  const { url } = await startGateway()
  const response = await fetch(`${url}/v1/asyncapi.json`)
  assert.equal(response.headers.get('content-type'), 'application/json')
  assert.deepEqual(await response.json(), JSON.parse(JSON.stringify(document)))
  assert.deepEqual([document.asyncapi, document.info.version], ['3.0.0', VERSION])
  assert.equal(document.channels.session.address, '/v1/session')
})

test('the gateway receives the frames of clients and sends its own, and the document has no others', () => {
  for (const [action, side] of [
    ['receive', 'client'],
    ['send', 'gateway'],
  ] as const) {
    const expected = Object.keys(fields[side] ?? {}).map((type) => `${side}.${type}`)
    const operations = Object.values(document.operations).filter((each) => each.action === action)
    const refs = operations.flatMap(({ messages }) => messages.map(({ $ref }) => $ref))
    assert.deepEqual(refs.sort(), expected.map((name) => `#/channels/session/messages/${name}`).sort())
    assert.deepEqual(
      Object.keys(document.channels.session.messages)
        .filter((name) => name.startsWith(`${side}.`))
        .sort(),
      expected.sort(),
    )
  }
})

/** Values of every type, most of which each field refuses. */
const junk = [undefined, null, true, false, 0, -1, 1.5, 2 ** 53, '', 'text', [], [1], {}, { name: 1 }]

/** Returns copies of a frame in each of which one value, however deeply nested, is another one. */
const spoiled = (value: unknown): unknown[] => {
  if (typeof value !== 'object' || value === null) return junk
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value)
  const inside = entries.flatMap(([name, each]) =>
    spoiled(each).map((other) =>
      Array.isArray(value) ? value.with(Number(name), other) : { ...value, [name]: other },
    ),
  )
  return [...inside, ...junk]
}

for (const [side, table] of Object.entries(tables))
  for (const [type, expected] of Object.entries(fields[side] ?? {}))
    test(`the document has the fields of a ${side}'s '${type}', and takes the frames that the codec takes`, () => {
      const { name, payload } = document.channels.session.messages[`${side}.${type}`] ?? assert.fail()
      assert.equal(name, type)
      assert.deepEqual(Object.keys(payload.properties).sort(), ['type', ...Object.keys(expected)].sort())
      const required = Object.keys(expected).filter((each) => expected[each]?.optional !== true)
      assert.deepEqual(payload.required.toSorted(), ['type', ...required].sort())
      const whole = wholeFrames[side]?.[type] ?? {}
      for (const rest of [whole, ...spoiled(whole), { ...whole, unknown: [1] }]) {
        if (typeof rest !== 'object') continue
        const json = JSON.stringify({ ...rest, type })
        const problem = problemOf(`/channels/session/messages/${side}.${type}/payload`, JSON.parse(json))
        assert.equal(problem === undefined, parse(table, json).ok, `${json} ${problem ?? ''}`)
      }
    })

test('the document has every close code, with what a client does then', () => {
  const shown = document.channels.session['x-close-codes']
  assert.deepEqual(Object.keys(shown), Object.keys(closeCodes))
  for (const [code, close] of Object.entries(closeCodes)) {
    const action = closeAction(close)
    const message = errorMessages[code as keyof typeof closeCodes]
    assert.deepEqual(shown[code], { close, action, message })
  }
})
