import assert from 'node:assert/strict'
import { openClient, startClient } from '../../support/raw-client.js'
import { startOf } from '../../support/starts.js'
import { until } from '../../support/until.js'
import type { GatewayNode } from './gateway-nodes.js'

/** A client of one gateway, before, during and after an outage. */
export interface Witness {
  /** Resolves when the gateway has refused a send and a start as `unavailable` with a `retryAfter`, and `/readyz` says 503. */
  seesOutage(): Promise<void>
  /** Resolves when the gateway takes sends of the same session and starts again, and `/readyz` says 200. */
  seesRecovery(): Promise<void>
}

const isClosedForNow = (error: unknown): boolean => String(error).includes('closed with 4503')

export const startWitness = async (node: GatewayNode, name: string): Promise<Witness> => {
  let client = await startClient(node.endpoint, await startOf(name))
  let count = 0
  /** Resolves with the answer to a message. */
  const send = async (): Promise<Record<string, unknown>> => {
    const id = `${name} ${count++}`
    client.send({ type: 'send', id, to: 'nobody-reads', body: id })
    for (;;) {
      const frame = await client.next()
      if (frame.type !== 'message' && frame['id'] === id) return frame
    }
  }
  const reconnect = async (): Promise<void> => {
    const { sessionId, resumeKey, epoch } = client.started
    const resume = { key: resumeKey, epoch, offset: 0 }
    client = await startClient(node.endpoint, { ...(await startOf(name)), resume })
    assert.equal(client.started['sessionId'], sessionId)
  }
  return {
    async seesOutage() {
      await until(`/readyz of ${node.name} is 503`, () => node.readyz(), 503)
      const refused = await send().catch((error: unknown) => {
        // Another epoch closes the connection: the client comes back when Redis does.
        if (!isClosedForNow(error)) throw error
      })
      if (refused) {
        assert.equal(refused['type'], 'refused')
        assert.equal(refused['code'], 'unavailable')
        assert.equal(typeof refused['retryAfter'], 'number')
      }
      const { frame } = await openClient(node.endpoint, { start: await startOf(`${name}-late`) }).end()
      assert.equal(frame['code'], 'unavailable')
      assert.equal(typeof frame['retryAfter'], 'number')
    },
    async seesRecovery() {
      await until(`/readyz of ${node.name} is 200`, () => node.readyz(), 200)
      await until('a send is acknowledged', async () => {
        try {
          return (await send())['type'] === 'sent'
        } catch (error) {
          if (!isClosedForNow(error)) throw error
          await reconnect()
          return false
        }
      })
      const late = await startClient(node.endpoint, await startOf(`${name}-late`))
      late.send({ type: 'end' })
    },
  }
}
