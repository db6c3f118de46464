// A client that does not read what it is sent.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Connection } from '../../../src/gateway/connection/connection.js'
import { startClient } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'

test('a client for which more than 1 MB waits is disconnected', async () => {
  const { url } = await startGateway()
  const connections: Connection[] = []
  const closed = new Set<Connection>()
  const { receive, onClose } = Connection.prototype
  Connection.prototype.receive = function (...frame) {
    connections.push(this)
    receive.apply(this, frame)
  }
  Connection.prototype.onClose = function (code) {
    closed.add(this)
    onClose.call(this, code)
  }
  try {
    const client = await startClient(url, await startOf('ada'))
    client.socket.pause()
    const body = 'x'.repeat(10_000)
    let bytes = 0
    // The kernel's buffers take some of it.
    for (; closed.size === 0 && bytes < 100_000_000; bytes += 100_000) {
      for (let count = 0; count < 10; count += 1)
        connections[0]?.send({
          type: 'refused',
          re: 'send',
          code: 'refused',
          message: body,
          retryable: false,
        })
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(bytes < 50_000_000, `${bytes} bytes were sent`)
  } finally {
    Object.assign(Connection.prototype, { receive, onClose })
  }
})
