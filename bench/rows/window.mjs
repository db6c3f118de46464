// What a chat window costs a page on a slow device: its scripts, the time to its list, and keys and frames in a long conversation.
import { brotliCompressSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { withBrowser, withSite } from '../page.mjs'
import { readWindowScripts } from '../scripts.mjs'

const SECRET = 'the secret of the benchmark, 32 bytes'
const CONVERSATIONS = 50
const MESSAGES = 1_000
const KEYS = 30
const FRAMES = 100
const LOADS = 10

/** Imported when it is measured: who only reads the rows needs no build. */
const built = async (module) => import(`../../dist/${module}/index.js`)

const tokenOf = async (userId) =>
  (await built('tokens')).createToken({ appId: 'app', userId, secret: SECRET })

/** Starts a gateway on which `user` has 50 conversations, and 1,000 messages with one of these peers. */
const startChat = async () => {
  const { createGateway, createLog } = await built('gateway')
  const { ChatSession } = await built('session')
  const gateway = createGateway(
    {
      listen: { port: 0 },
      engine: { type: 'memory' },
      apps: {
        app: { environment: 'test', secrets: [SECRET], retention: { messages: 2 * MESSAGES } },
      },
    },
    { env: {}, log: createLog({ level: 'fatal' }) },
  )
  const endpoint = await gateway.listen()
  for (let index = 0; index < CONVERSATIONS; index++) {
    const session = new ChatSession({
      endpoint,
      appId: 'app',
      token: await tokenOf(`peer-${index}`),
      WebSocket,
    })
    await session.start()
    const count = index ? 1 : MESSAGES
    for (let number = 0; number < count; number++)
      await session.send({ to: 'user', body: `Message ${number} ${'word '.repeat((7 * number) % 40)}` })
    await session.end()
  }
  return { endpoint, close: () => gateway.close() }
}

const pageOf = async (endpoint, attributes) => `<!doctype html><html lang="en"><title>Window</title>
  <script type="module" async src="${endpoint}/v1/chat-session.js"></script>
  <script type="module" async src="${endpoint}/v1/chat-window.js"></script>
  <chat-session app-id="app" user-id="user" token="${await tokenOf('user')}"></chat-session>
  <chat-window ${attributes}></chat-window>`

const median = (numbers) => numbers.toSorted((one, other) => one - other)[numbers.length >> 1]

/* global document, performance, requestAnimationFrame, InputEvent, MutationObserver */
/** In the page: resolves with the milliseconds since the navigation when the window has drawn this many rows. */
const untilRows = (count) =>
  new Promise((resolve) => {
    const look = () => {
      const root = document.querySelector('chat-window')?.shadowRoot
      if (root?.querySelectorAll('[part=conversation]').length === count) resolve(performance.now())
      else if (root && !root.isWatched) {
        root.isWatched = true
        new MutationObserver(look).observe(root, { childList: true, subtree: true })
      } else if (!root) setTimeout(look)
    }
    look()
  })

/** In the page: loads all messages, and resolves with the milliseconds to the next frame after each key and each step of a scroll. */
const useThread = async ({ messages, keys, frames }) => {
  const root = document.querySelector('chat-window').shadowRoot
  const drawn = () => root.querySelectorAll('[part~=message]').length
  const nextFrame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
  while (drawn() < messages) {
    root.querySelector('[part=older]')?.click()
    await nextFrame()
  }
  const log = root.querySelector('[part=log]')
  const field = root.querySelector('[part=input]')
  const timed = async (count, act) => {
    const times = []
    for (let index = 0; index < count; index++) {
      const from = performance.now()
      act()
      await nextFrame()
      times.push(performance.now() - from)
    }
    return times
  }
  log.scrollTop = 0
  await nextFrame()
  const typed = await timed(keys, () => {
    field.value += 'a'
    field.dispatchEvent(new InputEvent('input', { bubbles: true }))
  })
  const scrolled = await timed(frames, () => {
    log.scrollTop -= 300
  })
  return { typed, scrolled }
}

/** Resolves with the mean of the milliseconds for which the tab's main thread runs scripts while it loads one of these pages. */
const scriptTime = async (page, devtools, urls) => {
  const total = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return 1_000 * metrics.find(({ name }) => name === 'ScriptDuration').value
  }
  let sum = 0
  for (const url of urls) {
    await page.goto('about:blank')
    const before = await total()
    await page.goto(url)
    sum += (await total()) - before
  }
  return sum / urls.length
}

export default {
  title: 'The chat window',
  method:
    'Chromium, slowed down 4 times by its debugging protocol, with an empty cache. The scripts of a page with the list of conversations and one of them: ours as a gateway serves them, with the part that each window loads; those of the rivals bundled and minified by esbuild, without styles and what they load on demand. Their time is CPU time of the main thread until all are loaded, the mean of 10 loads, on a page that has no chat. The list has 50 conversations and the thread 1,000 messages, on a gateway of the same machine. A key and a step of 300 pixels are measured to the next frame: the median of 30 keys and of 100 steps.',
  figures: {
    'window-size': { unit: 'kB with brotli', base: 'stream-chat-react' },
    'window-evaluation': { unit: 'ms of the main thread to run the scripts', base: 'stream-chat-react' },
    'window-list': { unit: 'ms from the navigation to the list' },
    'window-key': { unit: 'ms from a key to the frame' },
    'window-scroll': { unit: 'ms from a scroll to the frame' },
  },
  mostRounds: 3,
  async measure({ rounds }) {
    const scripts = await readWindowScripts()
    const chat = await startChat()
    const texts = {
      '/list': await pageOf(chat.endpoint, ''),
      '/thread': await pageOf(chat.endpoint, 'peer="peer-0"'),
    }
    for (const [index, files] of Object.values(scripts).entries())
      for (let load = 0; load < rounds * LOADS; load++) {
        // Another text each time, since V8 keeps the code of a script.
        for (const [number, bytes] of files.entries())
          texts[`/${index}/${load}/${number}.js`] = `//${load}\n${bytes}`
        texts[`/${index}/${load}`] = `<!doctype html>${files
          .map((_, number) => `<script type="module" src="/${index}/${load}/${number}.js"></script>`)
          .join('')}`
      }
    try {
      return await withSite(texts, (url) =>
        withBrowser(async (browser) => {
          const results = Object.fromEntries(Object.keys(scripts).map((name) => [name, []]))
          for (let round = 0; round < rounds; round++)
            for (const [index, [name, files]] of Object.entries(scripts).entries()) {
              const page = await browser.newPage()
              const devtools = await page.context().newCDPSession(page)
              await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 })
              // CPU time, since other work of the machine makes the time of the clock longer.
              await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
              const loads = Array.from(
                { length: LOADS },
                (_, load) => `${url}/${index}/${round * LOADS + load}`,
              )
              const result = {
                'window-size':
                  files.reduce((sum, bytes) => sum + brotliCompressSync(bytes).length, 0) / 1_000,
                'window-evaluation': await scriptTime(page, devtools, loads),
              }
              if (name.startsWith('chat-session')) {
                await page.goto(`${url}/list`)
                result['window-list'] = await page.evaluate(untilRows, CONVERSATIONS)
                await page.goto(`${url}/thread`)
                await page.locator('chat-window:state(ready)').waitFor()
                const { typed, scrolled } = await page.evaluate(useThread, {
                  messages: MESSAGES,
                  keys: KEYS,
                  frames: FRAMES,
                })
                result['window-key'] = median(typed)
                result['window-scroll'] = median(scrolled)
              }
              results[name].push(result)
              await page.close()
            }
          return results
        }),
      )
    } finally {
      await chat.close()
    }
  },
}
