// How long a page waits for its session in a network that swallows WebSockets.
import { connect, createServer } from 'node:net'
import { withSessionsOf } from '../attached.mjs'
import { listen, withBrowser } from '../page.mjs'
import { readScripts } from '../scripts.mjs'
import { appId, tokenOf } from '../setting.mjs'

/** Seconds after which a page is left that has no session. */
const LIMIT = 30

/** Runs `use` with a proxy that passes on what is no upgrade, and never answers one that is. */
const withNetwork = async (port, use) => {
  const sockets = new Set()
  const keep = (socket) => sockets.add(socket.setNoDelay().on('error', () => undefined))
  const network = createServer((client) => {
    keep(client)
    client.once('data', (head) => {
      if (/^upgrade: websocket/im.test(head.toString('latin1'))) return
      const server = connect(port, '127.0.0.1')
      keep(server)
      server.write(head)
      client.pipe(server).pipe(client)
    })
  })
  try {
    return await use(`http://127.0.0.1:${await listen(network)}`)
  } finally {
    for (const socket of sockets) socket.destroy()
    network.close()
  }
}

const active = 'window.took ??= performance.now() / 1_000'

const pages = {
  'chat-session': (token) => `<!doctype html><body>
    <script>addEventListener('session-state', ({ detail: { state } }) => state === 'active' && (${active}))</script>
    <script type="module" async src="/v1/chat-session.js"></script>
    <chat-session app-id="${appId}" user-id="ada" token="${token}"></chat-session>`,
  'socket.io-client': (token, transports) => `<!doctype html><body><script type="module">
    import { io } from '/script.js'
    const options = { auth: { token: '${token}' }, transports: ${JSON.stringify(transports)}, tryAllTransports: true }
    io(location.origin, options).on('connect', () => ${active})
  </script>`,
}

/** Runs `use` with the port of a server that has the page, the rival's script and the sessions. */
const withServer = async ([client, transports], script, use) => {
  const page = pages[client](await tokenOf('ada'), transports)
  const respond = ({ url }, response) => {
    const isScript = url === '/script.js'
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' })
    response.end(isScript ? script : page)
  }
  return withSessionsOf(client, respond, use)
}

/** Resolves with the seconds from the navigation to the session on the first page of a tab, and on the next one. */
const visit = (browser, port) =>
  withNetwork(port, async (url) => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const open = async (path) => {
      await page.goto(url + path)
      const took = await page
        .waitForFunction('window.took', undefined, { timeout: LIMIT * 1_000 })
        .catch(() => undefined)
      return (await took?.jsonValue()) ?? LIMIT
    }
    const first = await open('/')
    const next = await open('/next')
    await context.close()
    return { swallowed: first, 'swallowed-next': next }
  })

const contestants = {
  'chat-session': ['chat-session'],
  'socket.io-client': ['socket.io-client', ['polling', 'websocket']],
  'socket.io-client, WebSocket first': ['socket.io-client', ['websocket', 'polling']],
}

export default {
  title: 'Active where WebSocket is swallowed',
  method: `Seconds in Chromium from the navigation to a page that has a token until the session is active, behind a proxy that takes each request for a WebSocket and never answers it. The next page is another one of the same tab. A page that has no session after ${LIMIT} s is left, and counts as ${LIMIT} s. \`socket.io-client\` begins with long polling, and stays with it where no WebSocket opens.`,
  figures: {
    swallowed: { unit: 's to a session where WebSocket is swallowed', targets: { 'chat-session': 6 } },
    'swallowed-next': { unit: "s on the tab's next page", targets: { 'chat-session': 1 } },
  },
  mostRounds: 3,
  async measure({ rounds, isQuick }) {
    const scripts = await readScripts()
    const measured = Object.entries(contestants).slice(0, isQuick ? 2 : undefined)
    const results = Object.fromEntries(measured.map(([name]) => [name, []]))
    await withBrowser(async (browser) => {
      for (let round = 0; round < rounds; round++)
        for (const [name, contestant] of measured)
          await withServer(contestant, scripts[contestant[0]], async (port) =>
            results[name].push(await visit(browser, port)),
          )
    })
    return results
  },
}
