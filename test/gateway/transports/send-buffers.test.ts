import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SendBuffers } from '../../../src/gateway/transports/send-buffers.js'

const socketOf = (bufferedAmount: number) => ({
  bufferedAmount,
  isTerminated: false,
  terminate() {
    this.isTerminated = true
  },
})

test('a socket for which more than its share waits is destroyed', () => {
  const buffers = new SendBuffers(100, 1_000)
  const [fits, exceeds] = [socketOf(100), socketOf(101)]
  buffers.update(fits)
  buffers.update(exceeds)
  assert.deepEqual([fits.isTerminated, exceeds.isTerminated], [false, true])
})

test('when too much waits for all together, the sockets with the most are destroyed', () => {
  const buffers = new SendBuffers(100, 250)
  const sockets = [10, 90, 80, 60].map(socketOf)
  for (const socket of sockets) buffers.update(socket)
  assert.ok(sockets.every(({ isTerminated }) => !isTerminated))
  const another = socketOf(50)
  buffers.update(another)
  assert.deepEqual(
    [...sockets, another].map(({ isTerminated }) => isTerminated),
    [false, true, false, false, false],
  )
})

test('a socket that drains and fills again is counted once, with what waits now', () => {
  const buffers = new SendBuffers(100, 250)
  const sockets = Array.from({ length: 10 }, () => socketOf(90))
  for (const socket of sockets) {
    buffers.update(socket)
    buffers.update(socket)
    socket.bufferedAmount = 10
    buffers.update(socket)
    buffers.release(socket)
    buffers.release(socket)
  }
  for (const socket of sockets.slice(0, 2)) {
    socket.bufferedAmount = 100
    buffers.update(socket)
  }
  assert.ok(sockets.every(({ isTerminated }) => !isTerminated))
})
