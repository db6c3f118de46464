import type { EndCode } from '../../../../src/protocol/index.js'
import type { Bench, Begun, Case } from '../bench.js'
import type { Connection } from '../connection.js'
import { APP, messageFrame, USER } from '../frames.js'
import { expect } from '../watch.js'

/** Milliseconds for which a client that must not ask for a token is watched. */
const QUIET = 1_000
/** Milliseconds until the credentials expire in cases where the client has to renew them. */
const LIFETIME = 4_000

/** Returns a token whose `exp` is `expiresIn` seconds from now by this machine's clock. No gateway would accept its signature. */
const tokenWith = (expiresIn: number): string => {
  const claims = { sub: USER, exp: Math.floor(Date.now() / 1_000) + expiresIn }
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) => Buffer.from(JSON.stringify(part)))
  return `${parts.map((part) => part.toString('base64url')).join('.')}.c2lnbmF0dXJl`
}

/** Gives a client a token, or null, when it next asks for one. */
const give = async ({ client }: Pick<Begun, 'client'>, token: string | null): Promise<void> => {
  await client.next('ask')
  client.tell({ type: 'token', token })
}

const expectToken = ({ start }: Connection, token: string): void =>
  expect(start.token === token, 'The start does not have the fresh token.')

/** Closes a connection, and expects that the client connects again with a fresh token. */
const expectRefetch = async (bench: Bench, closeCode: number, code?: EndCode): Promise<void> => {
  const begun = await bench.begin()
  begun.connection.close(closeCode, code)
  await give(begun, 'token-2')
  expectToken(await begun.gateway.begin(), 'token-2')
  await begun.client.reaches('active')
}

/** Expects that a client neither asks for a token nor sends one while messages come. */
const expectCalm = async (bench: Bench, expiresIn: number | null, token: string): Promise<void> => {
  const { client, connection } = await bench.begin({ expiresIn }, { token })
  connection.send(messageFrame(1))
  await client.next('message')
  await bench.watch.pause(QUIET)
  expect(client.all('ask').length === 0, 'The client asked for a token long before it was needed.')
  expect(connection.all('token').length === 0, 'The client sent a token long before it was needed.')
}

export const credentials: Case[] = [
  {
    name: 'ask-first',
    section: 'credentials',
    core: true,
    rule: 'A client without credentials asks for a token, and starts with it.',
    async run(bench) {
      const gateway = await bench.scriptedGateway()
      const client = bench.client()
      client.tell({ type: 'start', endpoint: gateway.url, appId: APP, userId: USER })
      await give({ client }, 'token-1')
      expectToken(await gateway.begin(), 'token-1')
      await client.reaches('active')
    },
  },
  {
    name: 'refetch',
    section: 'credentials',
    core: true,
    rule: 'After 41xx a client starts with a fresh token, even if it does not know the code.',
    async run(bench) {
      await Promise.all([
        expectRefetch(bench, 4101, 'unauthenticated'),
        expectRefetch(bench, 4102, 'token-expired'),
        expectRefetch(bench, 4199),
      ])
    },
  },
  {
    name: 'two-rejections',
    section: 'credentials',
    core: true,
    rule: 'A client gives up when two fresh tokens in a row are refused.',
    async run(bench) {
      const gateway = await bench.scriptedGateway()
      const client = bench.start(gateway)
      for (const fresh of ['token-2', 'token-3']) {
        const connection = await gateway.connection()
        connection.close(4101, 'unauthenticated')
        await give({ client }, fresh)
      }
      const last = await gateway.connection()
      expectToken(last, 'token-3')
      last.close(4101, 'unauthenticated')
      const over = await Promise.race([client.reaches('over'), client.next('ask'), gateway.connection()])
      expect('state' in over, 'The client went on after two fresh tokens were refused.')
      expect(over.code === 'unauthenticated', `The client told the code ${String(over.code)}.`)
    },
  },
  {
    name: 'signed-out',
    section: 'credentials',
    core: true,
    rule: 'If there is no token because the user has signed out, the session is over.',
    async run(bench) {
      const begun = await bench.begin()
      begun.connection.close(4102, 'token-expired')
      await give(begun, null)
      await begun.client.reaches('over')
      const again = await Promise.race([begun.gateway.connection(), bench.watch.pause(QUIET)])
      const { attempts } = begun.gateway
      // While a client asks for a token it may open a WebSocket, which is an attempt. It must not send a `start` frame.
      expect(!again && attempts.length <= 2, 'The client connected again after its user had signed out.')
    },
  },
  {
    name: 'renew',
    section: 'credentials',
    core: true,
    rule: 'Before `expiresIn` is over a client sends a fresh token on the open connection, whatever the token itself says.',
    async run(bench) {
      const begun = await bench.begin({ expiresIn: LIFETIME }, { token: tokenWith(3_600) })
      const { connection, gateway, client } = begun
      const deadline = performance.now() + LIFETIME
      await give(begun, 'token-2')
      const { token } = await connection.next('token')
      expect(performance.now() < deadline, 'The fresh token came after the old one had expired.')
      expect(token === 'token-2', 'The client did not send the fresh token.')
      connection.send({ type: 'renewed', expiresIn: LIFETIME }, messageFrame(1))
      await client.next('message')
      await give(begun, 'token-3')
      await connection.next('token')
      expect(gateway.attempts.length === 1, 'The client connected again to bring a fresh token.')
    },
  },
  {
    name: 'renew-refused',
    section: 'credentials',
    core: false,
    rule: 'If a fresh token is refused the session goes on, and the client brings another one.',
    async run(bench) {
      const begun = await bench.begin({ expiresIn: LIFETIME })
      const { connection, gateway, client } = begun
      await give(begun, 'token-2')
      await connection.next('token')
      connection.send({
        type: 'refused',
        re: 'token',
        code: 'unauthenticated',
        message: 'The conformance suite says so.',
        retryable: false,
      })
      await give(begun, 'token-3')
      const { token } = await connection.next('token')
      expect(token === 'token-3', 'The client sent the refused token again.')
      connection.send({ type: 'renewed', expiresIn: null }, messageFrame(1))
      await client.next('message')
      expect(gateway.attempts.length === 1, 'The client connected again after a fresh token was refused.')
    },
  },
  {
    name: 'reauth',
    section: 'credentials',
    core: true,
    rule: 'After `renewed` with `reauth` a client sends a fresh token at once.',
    async run(bench) {
      const begun = await bench.begin({ expiresIn: 3_600_000 })
      const { connection, gateway } = begun
      connection.send({ type: 'renewed', expiresIn: 10_000, reauth: true })
      await give(begun, 'token-2')
      const { token } = await connection.next('token')
      expect(token === 'token-2', 'The client did not send the fresh token.')
      expect(gateway.attempts.length === 1, 'The client connected again to bring a fresh token.')
    },
  },
  {
    name: 'clocks',
    section: 'credentials',
    core: true,
    rule: 'A client whose clock is wrong goes by `expiresIn`: a token that looks expired is not renewed.',
    run: (bench) => expectCalm(bench, null, tokenWith(-86_400)),
  },
  {
    name: 'far-expiry',
    section: 'credentials',
    core: true,
    rule: 'Credentials that last longer than 2^31 milliseconds are not renewed at once.',
    run: (bench) => expectCalm(bench, 2 ** 31 + 100_000_000, tokenWith(2_247_483)),
  },
  {
    name: 'given-token',
    section: 'credentials',
    core: true,
    rule: 'The token that `started` gives a guest is what later starts have.',
    async run(bench) {
      const gateway = await bench.scriptedGateway()
      const client = bench.client()
      client.tell({ type: 'start', endpoint: gateway.url, appId: APP, guest: true })
      const user = { id: 'guest:~1' }
      const first = await gateway.begin({ guest: true, token: 'given', user })
      expect(first.start.guest === true, 'The start of a guest does not have `guest`.')
      expect(first.start.token === undefined, 'The start of a guest has a token, too.')
      await client.reaches('active')
      first.cut()
      const { start } = await gateway.begin({ guest: true, token: 'given-2', user })
      expect(start.token === 'given', 'The start does not have the token that the gateway gave.')
      expect(start.guest === undefined, 'The start has two proofs.')
    },
  },
]
