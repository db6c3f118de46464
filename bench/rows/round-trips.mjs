// How long a page waits for its session on a slow link, in round trips of that link.
import { connect, createServer } from 'node:net'
import { withSessionsOf } from '../attached.mjs'
import { listen, withBrowser } from '../page.mjs'
import { readScripts } from '../scripts.mjs'
import { appId, tokenOf } from '../setting.mjs'

/** Milliseconds of a round trip. */
const ROUND_TRIP = 100

/** Runs `use` with a proxy that takes half a round trip for each direction. A TCP connection is there at once. */
const withLink = async (port, use) => {
  const sockets = new Set()
  const forward = (from, to) => {
    const later = (run) => void setTimeout(run, ROUND_TRIP / 2)
    from.on('data', (bytes) => later(() => to.writable && to.write(bytes)))
    from.on('close', () => later(() => to.destroy()))
    // A close follows.
    from.on('error', () => undefined)
    sockets.add(from.setNoDelay())
  }
  const link = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    forward(client, server)
    forward(server, client)
  })
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  try {
    return await use(`http://127.0.0.1:${await listen(link)}`, cut)
  } finally {
    cut()
    link.close()
  }
}

/*
 * The parts of a page. `begin` starts a session with a token or, without one, with a token from /token, and calls `active` each time that
 * the session is active, `lost` when the connection is lost. `settled` returns whether the connection is a WebSocket.
 */
const begins = {
  'chat-session': `import '/script.js'
    const begin = (token) => {
      const element = document.createElement('chat-session')
      Object.assign(element, { appId: '${appId}', userId: 'ada', endpoint: origin, token, tokenUrl: token ? null : '/token' })
      element.addEventListener('session-state', ({ detail: { state } }) => {
        if (state === 'active') active()
        if (state === 'reconnecting') lost()
      })
      document.body.append(element)
    }`,
  'socket.io-client': `import { io } from '/script.js'
    const begin = async (token) => {
      token ??= await (await fetch('/token')).text()
      const options = { auth: { token }, transports, reconnectionDelay: 1, randomizationFactor: 0 }
      const socket = io(origin, options).on('connect', active).on('disconnect', lost)
      window.settled = () => socket.io.engine.transport.name === 'websocket'
    }`,
  centrifuge: `import { Centrifuge } from '/script.js'
    const begin = (token) => {
      const getToken = async () => (await fetch('/token')).text()
      const options = { token: token ?? '', getToken, minReconnectDelay: 1, maxReconnectDelay: 1 }
      const client = new Centrifuge(origin.replace('http', 'ws') + '/connection/websocket', options)
      // Its code is 0 for the call of connect().
      client.on('connected', active).on('connecting', ({ code }) => code !== 0 && lost())
      client.connect()
    }`,
}

// Without `data-endpoint` the element refuses its endpoint on /cold: no tag loads the script, and /script.js is no gateway's address of it.
const pageOf = (name, transports, run) => `<!doctype html><body><script type="module" data-endpoint="/">
  const transports = ${JSON.stringify(transports)}
  let began
  const active = () => (window.took = performance.now() - began)
  const lost = () => (began = performance.now())
  ${begins[name]}
  window.settled ??= () => true
  window.begin = (token) => {
    began = performance.now()
    void begin(token)
  }
  ${run}
</script>`

/** Runs `use` with the port of a server that has the pages, their script, tokens and the sessions. */
const withServer = async (name, transports, script, use) => {
  const token = () => tokenOf('ada')
  const pages = {
    '/': pageOf(name, transports, 'window.ready = true'),
    // The token is in the page, and the time begins with the navigation.
    '/cold': pageOf(name, transports, `began = 0; begin('${await token()}')`),
  }
  const respond = async ({ url }, response) => {
    const type = url === '/script.js' ? 'text/javascript' : url in pages ? 'text/html' : 'text/plain'
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
    response.end(url === '/script.js' ? script : (pages[url] ?? (await token())))
  }
  return withSessionsOf(name, respond, use)
}

/** Resolves with the round trips of one page in each case. */
const visit = (page, port, token) =>
  withLink(port, async (url, cut) => {
    const trips = async () => {
      const took = await (await page.waitForFunction('window.took')).jsonValue()
      return took / ROUND_TRIP
    }
    const open = async (path) => {
      await page.goto(url + path)
      await page.waitForFunction(path === '/' ? 'window.ready' : 'window.took')
    }
    await open('/')
    await page.evaluate(`begin('${token}')`)
    const held = await trips()
    await page.waitForFunction('settled()')
    await page.evaluate('window.took = undefined')
    cut()
    const resumed = await trips()
    await open('/')
    await page.evaluate('begin()')
    const fetched = await trips()
    await open('/cold')
    return {
      'round-trips': held,
      'round-trips-token-url': fetched,
      'round-trips-resumed': resumed,
      'round-trips-cold': await trips(),
    }
  })

const contestants = {
  'chat-session': ['chat-session'],
  'socket.io-client, WebSocket only': ['socket.io-client', ['websocket']],
  'socket.io-client': ['socket.io-client', ['polling', 'websocket']],
  centrifuge: ['centrifuge'],
}

export default {
  title: 'Round trips to a session',
  method:
    'Milliseconds in Chromium until the session is active, divided by 100: the link has a round trip of 100 ms. The set-up of a TCP connection takes no time here. The time begins with the call that starts a session, with the loss of a connection, or with the navigation to a page that has a token, as the table says. The server of centrifuge is one on `ws` that answers the connect command of its JSON protocol. The clients of Ably, ChatKitty, Pusher and TalkJS are not compared: their servers are hosted services.',
  figures: {
    'round-trips': {
      unit: 'round trips with a token at hand',
      base: 'socket.io-client',
    },
    'round-trips-token-url': {
      unit: 'round trips with a token that is fetched',
      base: 'socket.io-client',
    },
    'round-trips-resumed': {
      unit: 'round trips after a lost connection',
      base: 'socket.io-client',
    },
    'round-trips-cold': {
      unit: 'round trips from the navigation on, page and script included',
      base: 'socket.io-client',
    },
  },
  async measure({ rounds }) {
    const scripts = await readScripts()
    const token = await tokenOf('ada')
    const results = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]))
    await withBrowser(async (browser) => {
      /** In a context of its own, which has no cache and no connections. */
      const visitOnce = async (port) => {
        const context = await browser.newContext()
        const result = await visit(await context.newPage(), port, token)
        await context.close()
        return result
      }
      for (let round = 0; round < rounds; round++)
        for (const [name, [kind, transports]] of Object.entries(contestants))
          await withServer(kind, transports, scripts[kind], async (port) => {
            // The first visit warms the server up.
            await visitOnce(port)
            results[name].push(await visitOnce(port))
          })
    })
    return results
  },
}
