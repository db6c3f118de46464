import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer, request, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { WebSocketServer } from 'ws'
import { VERSION } from '../../../src/protocol/index.js'
import { makeCertificate } from '../../support/network/certificates.js'
import { freePort } from '../../support/network/free-port.js'
import { attachGateway, startGateway } from '../../support/gateway.js'
import { listen } from '../../support/network/http-server.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { finish } from '../../support/processes/command-line.js'

const folder = scratchFolder()

const serve = async (listener: RequestListener, keepAliveTimeout = 620_000): Promise<string> =>
  (await listen(createServer({ keepAliveTimeout }, listener))).url

interface Diagnosis {
  code: number | null
  /** `level what`, in order. */
  verdicts: string[]
  stdout: string
}

const diagnose = async (args: string[], env: Record<string, string> = {}): Promise<Diagnosis> => {
  const { code, stdout, stderr } = await finish(['doctor', ...args], env)
  assert.equal(stderr, '')
  const verdicts = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(/ +/).slice(0, 2).join(' '))
  return { code, verdicts, stdout }
}

/** The lines that are not `ok`. */
const problemsOf = ({ stdout }: Diagnosis): string[] =>
  stdout
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('ok '))
    .map((line) => line.replaceAll(/ +/g, ' '))

const { url } = await startGateway({ origins: ['https://www.example.com'] })

test('a gateway in good health passes every check', async () => {
  const { code, verdicts } = await diagnose([url, '--app', 'app', '--origin', 'https://www.example.com'])
  assert.deepEqual(verdicts, [
    'ok dns',
    'ok tcp',
    'ok tls',
    'ok http',
    'ok keep-alive',
    'ok ready',
    'ok version',
    'ok script',
    'ok clock',
    'ok upgrade',
    'ok headers',
    'ok origin',
    'ok stream',
  ])
  assert.equal(code, 0)
})

test('the URL may be that of the WebSocket, end with a slash, and have a fragment', async () => {
  for (const end of ['/', '/#/overview']) {
    const { code, verdicts } = await diagnose([url.replace('http', 'ws') + end])
    assert.deepEqual([code, verdicts.length], [0, 12])
  }
})

test('an origin that the app does not list, and an app that is not there, are said', async () => {
  const refused = await diagnose([url, '--app', 'app', '--origin', 'https://other.example'])
  assert.equal(refused.code, 2)
  assert.deepEqual(problemsOf(refused), [
    "fail origin the app app refuses pages of https://other.example: add it to the app's origins",
  ])
  const unknown = await diagnose([url, '--app', 'shop'])
  assert.equal(unknown.code, 2)
  assert.deepEqual(problemsOf(unknown), ['fail app the gateway has no app shop: add it to its config'])
})

test('arguments that are no URL, and an origin without an app, are one line', async () => {
  for (const args of [
    ['chat.example.com'],
    ['ftp://chat.example.com'],
    [url, '--origin', 'https://a.example'],
    [url, '--app', 'app', '--origin', 'a.example'],
    [url, '--page', 'a.example'],
  ]) {
    const { code, stdout, stderr } = await finish(['doctor', ...args])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^chat-session: .*\.\n$/)
  }
})

test('a name without an address, and a port that nothing listens on, end the list', async () => {
  const nowhere = await diagnose(['https://nowhere.invalid'])
  assert.deepEqual([nowhere.code, nowhere.verdicts], [2, ['fail dns']])
  const closed = await diagnose([`http://127.0.0.1:${await freePort()}`])
  assert.deepEqual([closed.code, closed.verdicts], [2, ['ok dns', 'fail tcp']])
  assert.match(closed.stdout, /ECONNREFUSED/)
})

const startTls = async (
  name: string,
  options?: { days?: number; names?: string },
): Promise<[string, string]> => {
  const { cert, key } = makeCertificate(folder, name, options)
  const gateway = await startGateway({}, { listen: { port: 0, tls: { cert, key } } })
  return [gateway.url, cert]
}

test('a certificate that the machine trusts is good, with the days that are left', async () => {
  const [tls, cert] = await startTls('good')
  const trusted = await diagnose([tls], { NODE_EXTRA_CA_CERTS: cert })
  assert.deepEqual([trusted.code, problemsOf(trusted)], [0, []])
  assert.match(trusted.stdout, /^ok +tls +the certificate is valid for 59 days$/m)
})

const certificates: [what: string, options: { days?: number; names?: string }, line: RegExp, code: number][] =
  [
    ['that has expired', { days: -1 }, /^fail tls .*CERT_HAS_EXPIRED.*: renew it$/, 2],
    [
      'of another name',
      { names: 'DNS:other.example' },
      /^fail tls .*ALTNAME_INVALID.*: get one for this host name$/,
      2,
    ],
    ['that ends soon', { days: 5 }, /^warn tls the certificate expires in 4 days: renew it$/, 0],
  ]
for (const [index, [what, options, line, code]] of certificates.entries())
  test(`a certificate ${what} is said, and the checks go on`, async () => {
    const [tls, cert] = await startTls(`certificate-${index}`, options)
    const found = await diagnose([tls], { NODE_EXTRA_CA_CERTS: cert })
    assert.equal(problemsOf(found).length, 1)
    assert.match(problemsOf(found)[0] ?? '', line)
    assert.equal(found.code, code)
    assert.ok(found.verdicts.includes('ok upgrade'))
  })

test('a self-signed certificate is refused, as browsers do', async () => {
  const [tls] = await startTls('self-signed')
  const found = await diagnose([tls])
  assert.equal(found.code, 2)
  assert.match(problemsOf(found).join(), /^fail tls .*SELF_SIGNED.*certificate authority$/)
})

test('a port without TLS behind an https URL is said', async () => {
  const found = await diagnose([url.replace('http', 'https')])
  assert.deepEqual([found.code, found.verdicts], [2, ['ok dns', 'ok tcp', 'fail tls']])
})

/** Forwards requests to the gateway, and upgrades too if `upgrades`. `change` changes an answer's headers and body. */
const startProxy = async ({
  upgrades = true,
  prefix = '',
  change = () => undefined,
  buffers = false,
  posts = true,
}: {
  upgrades?: boolean | number
  /** Whether it collects an event stream until its end. */
  buffers?: boolean
  /** Whether it lets the posts of a stream through. */
  posts?: boolean
  /** The proxy takes this prefix off the paths of requests. */
  prefix?: string
  change?: (path: string, headers: Record<string, unknown>, body: string) => string | undefined
}): Promise<string> => {
  const target = new URL(url)
  const server = createServer({ maxHeaderSize: 65_536 }, (incoming, outgoing) => {
    const path = (incoming.url ?? '/').replace(prefix, '')
    const headers = { ...incoming.headers }
    delete headers.upgrade
    if (!posts && path === '/v1/session/frames') return void outgoing.writeHead(405).end()
    const forwarded = request(
      {
        port: target.port,
        host: target.hostname,
        path,
        method: incoming.method,
        headers: { ...headers, connection: 'close' },
      },
      (response) => {
        const chunks: Buffer[] = []
        const answered: Record<string, unknown> = { ...response.headers }
        delete answered['content-length']
        delete answered['transfer-encoding']
        if (path === '/v1/session/stream' && !buffers) {
          change(path, answered, '')
          outgoing.writeHead(response.statusCode ?? 500, answered as Record<string, string>)
          return void response.pipe(outgoing)
        }
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const body = Buffer.concat(chunks)
          const changed = change(path, answered, body.toString())
          outgoing.writeHead(response.statusCode ?? 500, answered as Record<string, string>)
          outgoing.end(changed ?? body)
        })
      },
    )
    incoming.pipe(forwarded)
  })
  // Without a listener Node handles an upgrade as a plain request.
  if (upgrades !== false)
    server.on('upgrade', (incoming, socket, head) => {
      if (typeof upgrades === 'number')
        return void socket.end(`HTTP/1.1 ${upgrades} No\r\nconnection: close\r\n\r\n`)
      const up = connect(Number(target.port), target.hostname)
      const lines = incoming.rawHeaders.flatMap((text, at, all) =>
        at % 2 ? [] : [`${text}: ${all[at + 1] ?? ''}\r\n`],
      )
      up.write(`GET ${(incoming.url ?? '/').replace(prefix, '')} HTTP/1.1\r\n${lines.join('')}\r\n`)
      up.write(head)
      up.pipe(socket).on('error', () => up.destroy())
      socket.pipe(up).on('error', () => socket.destroy())
    })
  return (await listen(server)).url
}

test('a gateway may be below a path of a site', async () => {
  const site = await startProxy({ prefix: '/chat' })
  const { code, verdicts } = await diagnose([`${site}/chat/`, '--app', 'app'])
  assert.deepEqual([code, verdicts.length], [0, 12])
})

test('a proxy that takes the upgrade for a plain request, or refuses it, is said', async () => {
  const stripped = await diagnose([await startProxy({ upgrades: false })])
  assert.deepEqual(problemsOf(stripped), [
    'fail upgrade the upgrade arrives as a plain request (426): the proxy must pass on the headers Upgrade and Connection',
  ])
  assert.equal(stripped.code, 2)
  const refused = await diagnose([await startProxy({ upgrades: 403 })])
  assert.deepEqual(problemsOf(refused), [
    'fail upgrade the upgrade is answered with 403: the proxy must pass on WebSockets for /v1/session',
  ])
})

test('a proxy that lets no event stream through, or compresses it, is said', async () => {
  const compressed = await diagnose([
    await startProxy({
      change: (path, headers) => {
        if (path.startsWith('/v1/session/stream')) headers['content-encoding'] = 'gzip'
        return undefined
      },
    }),
  ])
  assert.deepEqual(problemsOf(compressed), [
    'warn stream no event stream for networks that block WebSockets: the proxy compresses it (gzip), and may hold back frames: exclude text/event-stream',
  ])
  assert.equal(compressed.code, 0)
  const cached = await diagnose([
    await startProxy({
      change: (path, headers) => {
        if (path.startsWith('/v1/session/stream')) headers['content-type'] = 'text/html'
        return undefined
      },
    }),
  ])
  assert.match(problemsOf(cached).join(), /^warn stream .* is not that of a gateway/)
})

test('a proxy that holds the events of an open stream back, or takes no posts, is said', async () => {
  const buffered = await diagnose([await startProxy({ buffers: true })])
  assert.deepEqual(problemsOf(buffered), [
    'warn stream no event stream for networks that block WebSockets: its first event does not come within 5 s while it is open, so the proxy holds it back: switch its buffer off for /v1/session/stream (nginx: proxy_buffering off)',
  ])
  const refused = await diagnose([await startProxy({ posts: false })])
  assert.match(
    problemsOf(refused).join(),
    /^warn stream .*: POST \/v1\/session\/frames is answered with 405: the proxy must pass it on/,
  )
})

/** Returns the address of a gateway on a server that takes `maxHeaderSize` bytes of headers. */
const startSmall = async (maxHeaderSize: number): Promise<string> =>
  (await attachGateway({}, {}, { server: createServer({ maxHeaderSize, keepAliveTimeout: 620_000 }) })).url

test('limits of headers below 32 kB are a warning, and those below a start and cookies a failure', async () => {
  const middle = await diagnose([await startSmall(16_384)])
  assert.equal(middle.code, 0)
  assert.match(problemsOf(middle).join(), /^warn headers headers of 15 kB pass, and of 30 kB do not/)
  const small = await diagnose([await startSmall(4_096)])
  assert.equal(small.code, 2)
  assert.match(problemsOf(small).join(), /^fail headers headers of 7 kB do not pass/)
})

test('a server that closes idle connections sooner than proxies do is said', async () => {
  const server = createServer({ maxHeaderSize: 32_768 })
  const attached = await attachGateway({}, {}, { server })
  const diagnosis = await diagnose([attached.url])
  assert.equal(diagnosis.code, 0)
  assert.deepEqual(problemsOf(diagnosis), [
    "warn keep-alive idle connections are closed after 5 s: requests through a proxy that keeps them for longer are 502; set the server's keepAliveTimeout to 620_000",
  ])
})

test('what is no gateway is said: a 404, a redirect, a proxy without its gateway', async () => {
  const answers: [status: number, line: RegExp][] = [
    [404, /^fail http \/healthz answers 404, but not as a gateway/],
    [200, /^fail http \/healthz answers 200, but not as a gateway/],
    [301, /^fail http \/healthz redirects to https:\/\/elsewhere\.example\/: use that URL$/],
    [502, /^fail http \/healthz answers 502: the proxy can't reach the gateway/],
  ]
  for (const [status, line] of answers) {
    const found = await diagnose([
      await serve((_, response) =>
        response.writeHead(status, { location: 'https://elsewhere.example/' }).end(),
      ),
    ])
    assert.equal(found.code, 2)
    assert.match(problemsOf(found).join(), line)
  }
})

test('a gateway that drains takes no session', async () => {
  const draining = await startProxy({
    change: (path) => (path === '/readyz' ? '{}' : undefined),
  })
  assert.equal((await diagnose([draining])).code, 0)
  const away = await serve((incoming, response) => {
    const isHealth = incoming.url === '/healthz'
    response.writeHead(isHealth ? 200 : 503).end(JSON.stringify({ status: 'ok', version: VERSION }))
  })
  assert.match(
    problemsOf(await diagnose([away])).join('\n'),
    /^fail ready the gateway takes no session \(\/readyz answers 503\)/m,
  )
})

test('answers without an end, without sense or cut short end the command with lines, and no stack', async () => {
  const endless = await serve((_, response) => {
    const write = (): void => {
      while (response.write('x'.repeat(65_536)));
      response.once('drain', write)
    }
    write()
  })
  assert.match(
    problemsOf(await diagnose([endless])).join(),
    /^fail http no answer to \/healthz \(the answer is too large\)/,
  )
  const cut = await startProxy({
    change: (path, headers) => {
      if (path !== '/healthz') headers['content-length'] = '999999'
      return undefined
    },
  })
  const found = await diagnose([cut])
  assert.match(problemsOf(found).join('\n'), /^fail ready .*\(\/readyz doesn't answer, /m)
  assert.match(problemsOf(found).join('\n'), /^warn script \/v1\/chat-session\.js doesn't answer/m)
  const server = createServer((incoming, response) => {
    response.end(JSON.stringify({ status: 'ok', version: VERSION, path: incoming.url }))
  })
  new WebSocketServer({ server, handleProtocols: () => 'chat-session.v1' }).on('connection', (socket) => {
    socket.send('{ no json')
    socket.send('[]')
    socket.send('null')
    socket.close()
  })
  const nonsense = problemsOf(await diagnose([(await listen(server)).url]))
  assert.match(nonsense.join('\n'), /^fail upgrade no WebSocket \(closed with 1005 before a frame\)/m)
})

test('a clock that differs is said', async () => {
  const at = (seconds: number) => (_: string, headers: Record<string, unknown>) => {
    headers['date'] = new Date(Date.now() + seconds * 1_000).toUTCString()
    return undefined
  }
  const far = await diagnose([await startProxy({ change: at(-90) })])
  assert.equal(far.code, 2)
  assert.match(problemsOf(far).join(), /^fail clock the server's clock is (89|90|91) s behind this machine's/)
  const near = await diagnose([await startProxy({ change: at(12) })])
  assert.equal(near.code, 0)
  assert.match(problemsOf(near).join(), /^warn clock the server's clock is 1[1-3] s ahead of this machine's/)
})

test('another version, and a script that a cache has kept, are said', async () => {
  const other = await startProxy({
    change: (path, _, body) => (path === '/healthz' ? body.replace(VERSION, '9.9.9') : undefined),
  })
  const found = await diagnose([other])
  assert.match(
    problemsOf(found).join('\n'),
    /^warn version the gateway has version 9\.9\.9, and this command/m,
  )
  assert.match(problemsOf(found).join('\n'), /^warn script /m)
  const cached = await startProxy({
    change: (path) => (path === '/v1/chat-session.js' ? 'an older script' : undefined),
  })
  assert.match(
    problemsOf(await diagnose([cached])).join(),
    /^warn script .* a cache in front keeps it for too long$/,
  )
})

const pageWith = (policy: string, html: string): Promise<string> =>
  serve((_, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html', ...(policy && { 'content-security-policy': policy }) })
      .end(html),
  )
const tag = `<script type="module" src="${url}/v1/chat-session.js" nonce="abc"></script>`
const ws = url.replace('http', 'ws')
const sources = `connect-src ${ws} ${url}`

const pages: [what: string, policy: string, html: string, problem: RegExp | undefined][] = [
  ['without a policy', '', tag, undefined],
  ['that allows both', `${sources}; script-src ${url}`, tag, undefined],
  [
    'that allows both in a tag whose quotes are character references',
    '',
    `<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; script-src &#x27;nonce-abc&#x27;; connect-src &apos;self&apos; ${ws} ${url}">${tag}`,
    undefined,
  ],
  [
    'that allows the script by its nonce',
    `${sources}; script-src 'strict-dynamic' 'nonce-abc'`,
    tag,
    undefined,
  ],
  [
    'that allows the script by the hash of its integrity',
    `${sources}; script-src 'strict-dynamic' 'sha384-abc+/='`,
    tag.replace('nonce="abc"', 'integrity="sha384-abc+/=?x" crossorigin'),
    undefined,
  ],
  [
    'whose integrity has a hash that the policy lacks',
    `${sources}; script-src 'sha384-abc'`,
    tag.replace('nonce="abc"', 'integrity="sha384-abc sha384-def"'),
    /forbids the script/,
  ],
  [
    'that forbids the connection',
    "connect-src 'self'",
    tag,
    /forbids the connection: add ws:\/\/127\.0\.0\.1:\d+ http:\/\/127\.0\.0\.1:\d+ to connect-src/,
  ],
  ['that forbids the script', `${sources}; default-src 'self'`, tag, /forbids the script: add http:/],
  [
    'that has its policy in a tag',
    '',
    `<meta content="connect-src 'none'" http-equiv="Content-Security-Policy">`,
    /forbids the connection/,
  ],
  ['that bundles the script itself', `${sources}; script-src 'self'`, '<p>', undefined],
]
for (const [what, policy, html, problem] of pages)
  test(`a page ${what} ${problem ? 'fails' : 'passes'}`, async () => {
    const found = await diagnose([url, '--page', await pageWith(policy, html)])
    if (problem) assert.match(problemsOf(found).join(), problem)
    else assert.deepEqual(problemsOf(found), [])
    assert.equal(found.code, problem ? 2 : 0)
  })

for (const given of [ws, `${ws} ${url}/v1/session/frames`, 'ws:'])
  test(`a page whose policy allows connect-src ${given.replaceAll(/127.*?:\d+/g, 'HOST')} is warned that streams are forbidden`, async () => {
    const found = await diagnose([url, '--page', await pageWith(`connect-src ${given}`, '')])
    assert.match(
      problemsOf(found).join('\n'),
      /^warn csp the page's Content-Security-Policy forbids event streams, .*: add http:\/\/127\.0\.0\.1:\d+ to connect-src$/,
    )
    assert.equal(found.code, 0)
  })

test("the page's origin is checked with the app, after its redirects", async () => {
  const page = await pageWith('', tag)
  const redirect = await serve((_, response) => response.writeHead(302, { location: page }).end())
  const found = await diagnose([url, '--page', redirect, '--app', 'app'])
  assert.match(problemsOf(found).join(), new RegExp(`^fail origin the app app refuses pages of ${page}:`))
})

test('a page that does not answer, or needs a log-in, is said', async () => {
  const closed = await diagnose([url, '--page', `http://127.0.0.1:${await freePort()}/`])
  assert.match(problemsOf(closed).join(), /^fail page .* doesn't answer \(ECONNREFUSED\)$/)
  const login = await serve((_, response) => response.writeHead(401).end())
  assert.match(problemsOf(await diagnose([url, '--page', login])).join(), /^fail page .* answers 401/)
})

const sendSecret = `whsec_${randomBytes(32).toString('base64')}`

/** Runs `doctor` with a config whose app asks this backend about messages. Returns the lines about the backend. */
const probe = async (listener: RequestListener): Promise<{ code: number | null; lines: string[] }> => {
  const backend = await serve(listener)
  const config = join(folder, `${randomUUID()}.json`)
  const authorizeSendUrl = { url: `${backend}/may-send`, secrets: [{ env: 'SEND_SECRET' }] }
  const apps = { app: { environment: 'test', authorizeSendUrl } }
  await writeFile(config, JSON.stringify({ apps }))
  const { code, stdout } = await diagnose([url, '--config', config], { SEND_SECRET: sendSecret })
  const lines = stdout.split('\n').filter((line) => line.includes('authorizeSendUrl'))
  return { code, lines: lines.map((line) => line.replaceAll(/ +/g, ' ')) }
}

/** A backend that verifies its requests. */
const verifying =
  (ok: boolean): RequestListener =>
  (request, response) =>
    void text(request).then((json) => {
      try {
        const question = new Webhook(sendSecret).verify(json, request.headers as Record<string, string>)
        assert.deepEqual(Object.keys(question as object), [
          'appId',
          'from',
          'to',
          'id',
          'body',
          'data',
          'origin',
        ])
        response.end(JSON.stringify({ ok }))
      } catch {
        response.writeHead(401).end()
      }
    })

test('with a config, the backend behind authorizeSendUrl is asked about a message, as the gateway would ask it', async () => {
  for (const ok of [true, false]) {
    const { code, lines } = await probe(verifying(ok))
    assert.equal(code, 0)
    assert.match(
      lines[0] ?? '',
      new RegExp(
        `^ok apps\\.app\\.authorizeSendUrl answers ${ok ? 'yes' : 'no'} about a probe, in \\d+ of 2000 ms`,
      ),
    )
    assert.match(lines[1] ?? '', /^ok .* refuses a request that another secret has signed/)
  }
})

const backends: [what: string, listener: RequestListener, line: RegExp][] = [
  [
    'that verifies nothing',
    (_, response) => response.end('{"ok":true}'),
    /says yes to a request that another secret/,
  ],
  [
    'without the path',
    (_, response) => response.writeHead(404).end(),
    /no client can send: The answer has the status 404/,
  ],
  [
    'with another secret',
    (_, response) => response.writeHead(401).end(),
    /no client can send: .* status 401/,
  ],
  ['that answers a page', (_, response) => response.end('<!doctype html>'), /not a JSON object/],
]
for (const [what, listener, expected] of backends)
  test(`a backend ${what} is a failure`, async () => {
    const { code, lines } = await probe(listener)
    assert.equal(code, 2)
    assert.match(lines.filter((line) => line.startsWith('fail')).join('\n'), expected)
  })
