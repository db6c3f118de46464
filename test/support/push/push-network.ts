// For processes of their own too: on Bun `node:test` works in tests only.
import type { PushConfig } from '../../../src/gateway/index.js'
import { isPublicAddress } from '../../../src/gateway/limits/private-address.js'
import type { PushNetwork } from '../../../src/gateway/push/push-request.js'

/** Where a push service of a test is. It can be sent to another process. */
export interface PushAddress {
  port: number
  /** The authority of its certificate, in PEM. */
  ca: string
  /** The address that name servers return. */
  ip: string
}

/** Returns the network in which every host is the push service. */
export const pushNetworkOf = (address: PushAddress): PushNetwork => ({
  lookup: (_, __, done) => done(null, [{ address: address.ip, family: 4 }]),
  isPublic: (ip) => ip === '127.0.0.1' || isPublicAddress(ip),
  port: address.port,
  ca: address.ca,
  timeout: 10_000,
})

/** Seconds after which a message is pushed. */
export const AFTER = 0.1

/** Returns the config of an app that pushes to the push service of the tests. */
export const pushOf = (changes: Partial<PushConfig> = {}): PushConfig => ({
  subject: 'mailto:ops@example.com',
  url: 'https://www.example.com/messages?from={from}',
  after: AFTER,
  hosts: ['push.test', '*.push.test'],
  ...changes,
})
