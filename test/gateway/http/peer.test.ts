import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { peerOf } from '../../../src/gateway/http/peer.js'

/** The part of a request that `peerOf` reads. */
const from = (forwarded?: string, origin?: string): IncomingMessage =>
  ({
    socket: { remoteAddress: '10.0.0.1' },
    headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }), ...(origin && { origin }) },
  }) as unknown as IncomingMessage

test('a client’s address is the address that the outermost trusted proxy saw', () => {
  const address = (forwarded: string | undefined, trustProxy: number): string =>
    peerOf(from(forwarded), trustProxy).address
  assert.equal(address('1.1.1.1', 0), '10.0.0.1')
  assert.equal(address(undefined, 1), '10.0.0.1')
  assert.equal(address('1.1.1.1', 1), '1.1.1.1')
  assert.equal(address('6.6.6.6, 1.1.1.1', 1), '1.1.1.1')
  assert.equal(address('6.6.6.6, 1.1.1.1 , 10.0.0.2', 2), '1.1.1.1')
  assert.equal(address('1.1.1.1', 2), '10.0.0.1')
  assert.equal(address('', 1), '10.0.0.1')
  assert.equal(address('6.6.6.6, 1.1.1.1:5678', 1), '1.1.1.1', 'some proxies append the port, too')
  assert.equal(address('[2001:db8::1]:5678', 1), '2001:db8::1')
  assert.equal(address('[2001:db8::1]', 1), '2001:db8::1')
  assert.equal(address('2001:db8::1', 1), '2001:db8::1')
  assert.equal(peerOf(from(undefined, 'https://a.example'), 0).origin, 'https://a.example')
  assert.equal(peerOf(from(), 0).origin, null)
})
