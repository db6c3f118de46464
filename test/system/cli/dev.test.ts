import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { originsOf } from '../../../src/cli/dev/dev-origins.js'
import { createDevRoutes } from '../../../src/cli/dev/dev-routes.js'
import { readDevSecrets } from '../../../src/cli/dev/dev-secrets.js'
import { createFaultProxy } from '../../../src/cli/dev/fault-proxy.js'
import { run } from '../../support/processes/command-line.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { ask, runDev, startOver } from './dev-process.js'

// The tests that change nothing share one process, because a process takes long to start.
const { address: url, printed } = await runDev(scratchFolder())

/** Resolves with the results of calls that began together, in the order in which they came. */
const inOrderOfEnd = async (calls: Record<string, Promise<unknown>>): Promise<string[]> => {
  const ends: string[] = []
  await Promise.all(
    Object.entries(calls).map(async ([name, call]) => ends.push(`${name}: ${String(await call)}`)),
  )
  return ends
}

const mint = async (url: string, appId: string): Promise<string> => {
  const { body } = await ask(`${url}/dev/token?appId=${appId}&userId=alice`)
  return (JSON.parse(body) as { token: string }).token
}

/** `read` reads an event stream until a pattern matches what came, and resolves with the pattern's group. */
const readStream = ({ body }: Response) => {
  assert.ok(body)
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const read = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = pattern.exec(text)
      if (found) return found[1] ?? ''
      const { value, done } = await reader.read()
      assert.ok(!done, text)
      text += value
    }
  }
  return { read, id: () => read(/"type":"stream","id":"([^"]+)"/), leave: () => reader.cancel() }
}

describe('chat-session dev', () => {
  it('prints its address and the playground’s, and serves both', async () => {
    await printed(new RegExp(`^listening on ${url}\nplayground: ${url}/\n$`))
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    const page = await ask(`${url}/`)
    assert.equal(page.status, 200)
    assert.match(page.body, /<play-ground>/)
    for (const [, path = ''] of page.body.matchAll(/(?:src|href)="(\/?[^"]+)"/g))
      assert.equal((await ask(new URL(path, url).href)).status, 200, path)
  })

  it('prints the addresses at which a phone opens the playground, and that the network can be any user there', async () => {
    const open = await runDev(scratchFolder(), '--host', '0.0.0.0')
    const { port } = new URL(open.address)
    const addresses = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
    const phones = addresses.map(({ address }) => `http://${address}:${port}/`)
    // Neither a phone nor every browser opens 0.0.0.0.
    const local = `http://localhost:${port}`
    assert.equal(open.address, local)
    for (const shown of [`${local}/`, ...phones]) {
      assert.match((await ask(shown)).body, /<play-ground>/)
      const { origin } = new URL(shown)
      const token = await mint(origin, 'strict')
      assert.equal(await startOver(origin, { appId: 'strict', token }, origin), 'started', shown)
    }
    open.child.kill('SIGTERM')
    // What was printed is complete only now: lines that were written together may arrive one by one.
    const { stdout, stderr } = await open.outcome
    const lines = [`listening on ${local}`, `playground: ${local}/`]
    assert.equal(stdout, [...lines, ...phones.map((phone) => `on a phone: ${phone}`), ''].join('\n'))
    assert.match(stderr, /^Warning: .*network can be any user of these apps.*\n$/)
  })

  it('warns of the network at every address that others reach, and at no other', async () => {
    for (const [host, isWarned] of [
      ['127.0.0.1', false],
      ['localhost', false],
      ['::', true],
    ] as const) {
      const running = await runDev(scratchFolder(), '--host', host)
      await running.printed(/^playground: /m)
      running.child.kill('SIGTERM')
      const { stderr } = await running.outcome
      assert.equal(stderr.includes('Warning'), isWarned, host)
    }
  })

  it('serves the playground under a policy that forbids inline code, inline styles and other hosts', async () => {
    const policy = String((await ask(`${url}/`)).headers['content-security-policy'])
    assert.deepEqual(policy.split('; ').slice(0, 5), [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      "connect-src 'self' ws:",
    ])
  })

  it('lets only its own origins, and no guests, into the strict app', async () => {
    const token = await mint(url, 'strict')
    const { port } = new URL(url)
    const start = { appId: 'strict', token }
    assert.equal(await startOver(url, start, `http://localhost:${port}`), 'started')
    assert.equal(await startOver(url, start, 'http://evil.example'), 'origin-refused')
    assert.equal(await startOver(url, { appId: 'strict', guest: true }, url), 'guests-refused')
  })

  for (const appId of ['playground', 'shop'])
    it(`lets pages of this machine into the app ${appId}, and no other website’s`, async () => {
      const start = { appId, token: await mint(url, appId) }
      for (const base of [url, `${url}/dev/links/x`])
        for (const isLocal of [true, false]) {
          const origin = isLocal ? 'http://localhost:3000' : 'https://evil.example'
          const pattern = isLocal ? /"type":"started"/ : /"code":"origin-refused"/
          const headers = { origin }
          const body = JSON.stringify({ type: 'start', ...start })
          const stream = await fetch(`${base}/v1/session/stream`, { method: 'POST', headers, body })
          assert.equal(stream.headers.get('access-control-allow-origin'), origin)
          const { read, id, leave } = readStream(stream)
          await read(pattern)
          const frames = JSON.stringify({ stream: await id(), seq: 1, frames: [{ type: 'pong' }] })
          const posted = await fetch(`${base}/v1/session/frames`, { method: 'POST', headers, body: frames })
          assert.equal(posted.ok, isLocal)
          await leave()
        }
      for (const origin of [
        'http://localhost:3000',
        'https://127.0.0.1:5173',
        'http://[::1]:1',
        'file://',
        undefined,
      ])
        assert.equal(await startOver(url, start, origin), 'started', origin)
      for (const origin of [
        'https://evil.example',
        'null',
        'http://localhost.evil.example',
        'http://127.0.0.1.evil.example:8080',
        'https://evil.example:8080',
      ]) {
        assert.equal(await startOver(url, start, origin), 'origin-refused', origin)
        assert.equal(await startOver(`${url}/dev/links/x`, start, origin), 'origin-refused', origin)
      }
    })

  it('says on its page that every page of this machine can be any user', async () => {
    assert.match((await ask(`${url}/`)).body, /every page of this machine can\s+be any user/)
  })

  it('lists the strict app’s origins as browsers write them, for any host and port', () => {
    assert.deepEqual(originsOf('::1', 8080), [
      'http://[::1]:8080',
      'http://localhost:8080',
      'http://127.0.0.1:8080',
    ])
    assert.deepEqual(originsOf('127.0.0.1', 80), ['http://127.0.0.1', 'http://localhost'])
    // A phone opens the page by an address of the machine.
    const everywhere = originsOf('::', 8080)
    for (const { address } of Object.values(networkInterfaces()).flatMap((each) => each ?? []))
      assert.ok(everywhere.some((origin) => new URL(origin).hostname.replace(/[[\]]/g, '') === address))
  })

  it('has links to the gateway that can be cut, taken down for a time, and made slow', async () => {
    const link = `${url}/dev/links/a`
    const start = { appId: 'playground', guest: true }
    const faults = async (query: string): Promise<unknown> =>
      JSON.parse((await ask(`${link}?${query}`, {}, 'POST')).body)
    const open = async (base: string): Promise<{ closed: Promise<unknown[]> }> => {
      const socket = new WebSocket(`${base.replace('http', 'ws')}/v1/session`, 'chat-session.v1')
      await once(socket, 'open')
      return { closed: once(socket, 'close') }
    }
    const [here, elsewhere] = [await open(link), await open(`${url}/dev/links/b`)]
    assert.equal((await ask(`${link}/cut`, {}, 'POST')).status, 204)
    assert.equal((await here.closed)[0], 1006)
    assert.equal(await startOver(link, start), 'started', 'a link that was cut takes new connections at once')
    const cut = await open(link)
    const { down } = (await faults('delay=0&down=60000')) as { down: number }
    assert.ok(down > 0 && down <= 60_000, String(down))
    assert.equal((await cut.closed)[0], 1006)
    assert.equal(await startOver(link, start), 'cut')
    assert.equal(
      await startOver(url, start),
      'started',
      'a session on no link, or on another one, is not affected',
    )
    assert.equal(await Promise.race([elsewhere.closed, startOver(`${url}/dev/links/b`, start)]), 'started')
    assert.deepEqual(await faults('delay=150&down=0'), { delay: 150, down: 0, noWebSocket: false })
    assert.deepEqual(
      await inOrderOfEnd({ delayed: startOver(link, start), other: startOver(`${url}/dev/links/b`, start) }),
      ['other: started', 'delayed: started'],
    )
    for (const query of ['delay=x&down=0', 'delay=0&down=0&noWebSocket=1'])
      assert.equal((await ask(`${link}?${query}`, {}, 'POST')).status, 400, query)
  })

  it('has the same links for event streams', async () => {
    const link = `${url}/dev/links/streams`
    const fault = (query: string): Promise<unknown> => ask(`${link}?${query}`, {}, 'POST')
    const post = (path: string, body: object): Promise<Response> =>
      fetch(`${link}/v1/session/${path}`, { method: 'POST', body: JSON.stringify(body) })
    const open = (): Promise<Response> => post('stream', { type: 'start', appId: 'playground', guest: true })
    const { read, id } = readStream(await open())
    const stream = await id()
    await read(/"type":"started"/)
    await fault('delay=300&down=0')
    const delayed = post('frames', { stream, seq: 1, frames: [{ type: 'pong' }] })
    assert.deepEqual(
      await inOrderOfEnd({
        delayed: delayed.then(({ status }) => status),
        other: startOver(`${url}/dev/links/b`, { appId: 'playground', guest: true }),
      }),
      ['other: started', 'delayed: 204'],
    )
    await ask(`${link}/cut`, {}, 'POST')
    await assert.rejects(read(/nothing more/))
    await fault('delay=0&down=60000')
    await assert.rejects(open())
    await fault('delay=0&down=0')
    assert.equal(await startOver(link, { appId: 'playground', guest: true }), 'started')
    await fault('delay=0&down=0&noWebSocket=true')
    assert.notEqual(await startOver(link, { appId: 'playground', guest: true }), 'started')
    const again = await open()
    assert.equal(again.status, 200, 'a link that refuses WebSockets has streams')
    await again.body?.cancel()
  })

  it('goes on after clients that reset their connection while their WebSocket is refused', async () => {
    await ask(`${url}/dev/links/refusing?delay=0&down=0&noWebSocket=true`, {}, 'POST')
    const { hostname, port } = new URL(url)
    const headers = `Host: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket`
    for (let client = 0; client < 50; client++) {
      const socket = connect(Number(port), hostname)
      await once(socket, 'connect')
      socket.write(`GET /dev/links/refusing/v1/session HTTP/1.1\r\n${headers}\r\n\r\n`)
      socket.resetAndDestroy()
      await once(socket, 'close')
    }
    assert.equal((await ask(`${url}/healthz`)).status, 200)
  })

  it('answers a request that offers HTTP/2, as Java’s HttpClient sends it', async () => {
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' }
    assert.equal((await ask(`${url}/healthz`, headers)).status, 200)
    assert.equal((await ask(`${url}/v1/apps/playground/usage`, headers)).status, 401)
  })

  it('closes a WebSocket to an unknown path', async () => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/session-of-another-kind`)
    const [error] = (await once(socket, 'error', { signal: AbortSignal.timeout(30_000) })) as [Error]
    assert.match(error.message, /socket hang up|ECONNRESET/)
  })

  it('has a token source that returns null after a sign-out, for that user and browser only', async () => {
    const path = `${url}/dev/token?appId=playground&userId=alice`
    const out = await ask(`${url}/dev/source/sign-out?userId=alice`, {}, 'POST')
    const cookie = out.headers['set-cookie']?.[0] ?? ''
    assert.match(cookie, /HttpOnly; SameSite=Strict/)
    const [pair = ''] = cookie.split(';')
    assert.deepEqual(JSON.parse((await ask(path, { cookie: pair })).body), { token: null })
    assert.match((await ask(path)).body, /"token":"ey/)
    assert.match((await ask(path.replace('alice', 'bob'), { cookie: pair })).body, /"token":"ey/)
    const back = await ask(`${url}/dev/source/sign-in?userId=alice`, { cookie: pair }, 'POST')
    assert.match(back.headers['set-cookie']?.[0] ?? '', /^[^=]+=; Max-Age=0/)
  })

  it('responds 400 to a malformed request for a token', async () => {
    for (const query of [
      '',
      '?appId=other&userId=a',
      '?appId=shop&userId=guest:a',
      '?appId=shop&userId=a&expiresIn=x',
    ])
      assert.equal((await ask(`${url}/dev/token${query}`)).status, 400, query)
  })
})

describe('requests that chat-session dev refuses', () => {
  const paths = [
    ['GET', '/dev/token?appId=playground&userId=alice'],
    ['GET', '/dev/signature?appId=playground&userId=alice'],
    ['POST', '/dev/links/a?delay=0&down=0'],
    ['POST', '/dev/source/sign-in?userId=alice'],
  ] as const

  it('refuses requests of other sites, and of a host name that was pointed at this machine', async () => {
    const { port, host } = new URL(url)
    const from = {
      'another site': { 'sec-fetch-site': 'cross-site' },
      'another port of this machine': { 'sec-fetch-site': 'same-site' },
      'another origin, without sec-fetch-site': { origin: 'http://evil.example' },
      'a page that hides its origin': { origin: 'null' },
      'a name pointed here': { host: `evil.example:${port}` },
      'a name pointed here, by a page of that name': {
        host: `evil.example:${port}`,
        origin: `http://evil.example:${port}`,
        'sec-fetch-site': 'same-origin',
      },
    }
    for (const [method, path] of paths) {
      for (const [who, headers] of Object.entries(from)) {
        const { status, headers: answered, body } = await ask(url + path, headers, method)
        assert.equal(status, 403, `${path} from ${who}`)
        assert.deepEqual(JSON.parse(body), { code: 'refused' })
        assert.equal(answered['access-control-allow-origin'], undefined)
      }
      const ours = { 'sec-fetch-site': 'same-origin', origin: url, host }
      assert.equal((await ask(url + path, ours, method)).status, 200, path)
      const byName = { host: `localhost:${port}`, origin: `http://localhost:${port}` }
      assert.equal((await ask(url + path, byName, method)).status, 200, path)
    }
  })

  it('answers its own pages if --host has capitals, which browsers do not send', async () => {
    const secrets = await readDevSecrets(scratchFolder())
    const routes = createDevRoutes(secrets, createFaultProxy(), 'Ada-MacBook.local')
    assert.equal((await routes.request('http://ada-macbook.local:8080/dev/apps')).status, 200)
  })

  it('does not exist in chat-session serve', async () => {
    const folder = scratchFolder()
    const config = join(folder, 'config.json')
    const listen = { port: 0 }
    const apps = { app: { environment: 'test' } }
    await writeFile(config, JSON.stringify({ listen, engine: { type: 'memory' }, apps }))
    const url = await run(['serve', '--config', config]).url()
    for (const [method, path] of [...paths, ['GET', '/'] as const])
      assert.equal((await ask(url + path, {}, method)).status, 404, path)
  })

  it('keeps its secrets over a restart, in a file that only its owner can read', async () => {
    const data = scratchFolder()
    const first = await runDev(data)
    const token = await mint(first.address, 'strict')
    assert.equal((await stat(join(data, 'secrets.json'))).mode & 0o777, 0o600)
    first.child.kill('SIGTERM')
    await first.outcome
    const second = await runDev(data)
    assert.equal(await startOver(second.address, { appId: 'strict', token }), 'started')
    const text = await readFile(join(data, 'secrets.json'), 'utf8')
    assert.equal(new Set(text.match(/[\w-]{43}/g)).size, 6)
  })
})
