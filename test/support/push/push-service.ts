import assert from 'node:assert/strict'
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, type ECDH } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { jwtVerify } from 'jose'
import { makeCertificate } from '../network/certificates.js'
import { listen } from '../network/http-server.js'
import { pushNetworkOf, type PushAddress } from './push-network.js'
import { scratchFolder } from '../scratch-folder.js'

/** The payload of a push. */
export interface Payload {
  web_push: number
  notification: {
    title: string
    body?: string
    navigate: string
    tag: string
    data: { app: string; user: string; offset: number; from: string | null }
  }
  app_badge: number
}

export interface ReceivedPush {
  /** The name of the device. */
  device: string
  headers: IncomingHttpHeaders
  payload: Payload
  /** The decrypted text of the payload. */
  text: string
  /** The key that signed the VAPID token. */
  vapidKey: string
  /** The claims of that token. */
  claims: Record<string, unknown>
}

type Respond = (response: ServerResponse, push: ReceivedPush) => unknown

interface Device {
  keys: ECDH
  auth: Buffer
}

const hkdf = (secret: Uint8Array, salt: Uint8Array, info: Uint8Array | string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, info, bytes))

/** Decrypts a body of one record (RFC 8188, RFC 8291). */
export const decryptPush = (body: Buffer, { keys, auth }: Device): string => {
  const salt = body.subarray(0, 16)
  const senderKey = body.subarray(21, 21 + (body[20] ?? 0))
  const record = body.subarray(21 + senderKey.length)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), keys.getPublicKey(), senderKey])
  const shared = hkdf(keys.computeSecret(senderKey), auth, info, 32)
  const key = hkdf(shared, salt, 'Content-Encoding: aes128gcm\0', 16)
  const decipher = createDecipheriv('aes-128-gcm', key, hkdf(shared, salt, 'Content-Encoding: nonce\0', 12))
  decipher.setAuthTag(record.subarray(-16))
  const padded = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()])
  const end = padded.lastIndexOf(2)
  assert.ok(padded.subarray(end + 1).every((byte) => byte === 0))
  return padded.subarray(0, end).toString()
}

const checkVapid = async (
  header = '',
  audience: string,
): Promise<Pick<ReceivedPush, 'vapidKey' | 'claims'>> => {
  const [, token = '', vapidKey = ''] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header) ?? []
  const point = Buffer.from(vapidKey, 'base64url')
  assert.equal(point.length, 65)
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.toString('base64url', 1, 33),
    y: point.toString('base64url', 33),
  }
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const { payload } = await jwtVerify(token, key, { audience, algorithms: ['ES256'] })
  assert.ok((payload.exp ?? Infinity) <= Date.now() / 1_000 + 86_400)
  return { vapidKey, claims: payload }
}

/** A push service on loopback, whose host is `push.test`. It verifies and decrypts each push. */
export const startPushService = async () => {
  const certificate = makeCertificate(scratchFolder(), 'push', { names: 'DNS:push.test,DNS:*.push.test' })
  const devices = new Map<string, Device>()
  const service = {
    received: [] as ReceivedPush[],
    /** What a test found wrong in requests. */
    faults: [] as unknown[],
    respond: ((response) => response.writeHead(201).end()) as Respond,
    address: { port: 0, ca: certificate.ca.toString(), ip: '127.0.0.1' } satisfies PushAddress,
    /** Makes a device's subscription. */
    subscribe(device: string, host = 'push.test') {
      const keys = createECDH('prime256v1')
      const auth = randomBytes(16)
      const p256dh = keys.generateKeys('base64url')
      devices.set(device, { keys, auth })
      return {
        endpoint: `https://${host}/send/${device}`,
        expirationTime: null,
        keys: { p256dh, auth: auth.toString('base64url') },
      }
    },
    /** The bodies of the pushes that reached a device, or their titles if they have none. */
    bodies: (device: string) =>
      service.received
        .filter((one) => one.device === device)
        .map(({ payload }) => payload.notification.body ?? payload.notification.title),
  }
  const server = createServer(
    { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) },
    (request, response) => {
      const take = async (): Promise<void> => {
        const body = await buffer(request)
        const name = /^\/send\/(\w+)$/.exec(request.url ?? '')?.[1] ?? ''
        const device = devices.get(name)
        assert.ok(device, `a device for ${String(request.url)}`)
        const { headers } = request
        assert.equal(request.method, 'POST')
        assert.equal(headers['content-encoding'], 'aes128gcm')
        assert.match(headers['topic'] as string, /^[\w-]{32}$/)
        assert.match(headers['ttl'] as string, /^\d+$/)
        assert.equal(headers['urgency'], 'high')
        const host = String(headers.host).replace(/:\d+$/, '')
        const vapid = await checkVapid(headers.authorization, `https://${host}`)
        const text = decryptPush(body, device)
        const push = { device: name, headers, text, payload: JSON.parse(text) as Payload, ...vapid }
        service.received.push(push)
        service.respond(response, push)
      }
      take().catch((error: unknown) => {
        service.faults.push(error)
        response.writeHead(400).end()
      })
    },
  )
  service.address.port = (await listen(server)).port
  return Object.assign(service, { network: pushNetworkOf(service.address) })
}
