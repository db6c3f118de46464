// What the script of a page costs its main thread on a slow device, before the page calls it.
import { withBrowser, withSite } from '../page.mjs'
import { readScripts } from '../scripts.mjs'

const inTag = (script) => `<!doctype html><script type="module">${script}</script>`

const inFile = (path) => `<!doctype html><script type="module" src="${path}"></script>`

/** Loads the pages in the tab. Resolves with the mean of the main thread's milliseconds in these events of the trace. */
const load = async (page, urls, event) => {
  const browser = page.context().browser()
  // One trace for all of them: its start and its end take longer than a page.
  await browser.startTracing(page, { categories: ['devtools.timeline', 'v8'] })
  for (const url of urls) await page.goto(url)
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString())
  const times = traceEvents.filter(({ name }) => name === event).map(({ tdur }) => tdur / 1_000)
  if (times.length < urls.length)
    throw new Error(`A trace of ${urls.length} pages has ${times.length} events ${event}.`)
  return times.reduce((sum, time) => sum + time, 0) / urls.length
}

export default {
  title: "The script's evaluation",
  method:
    'CPU time of the main thread in Chromium, slowed down 4 times by its debugging protocol, as the mean of 10 loads without a cache. Chromium compiles a script with an address in another thread, and a script inside the page in the main thread. The scripts are those whose sizes are measured.',
  figures: {
    'script-evaluation': {
      unit: 'ms of the main thread to run it',
      base: 'socket.io-client, for a script tag',
      targets: { 'chat-session': 0.85 },
    },
    'script-compilation': { unit: 'ms to compile it', base: 'socket.io-client, for a script tag' },
  },
  mostRounds: 3,
  async measure({ rounds, isQuick }) {
    const loads = isQuick ? 1 : 10
    const scripts = Object.entries(await readScripts())
    const texts = {}
    for (const [index, [, bytes]] of scripts.entries())
      for (let count = 0; count < rounds * loads; count++) {
        // Another text each time, since V8 keeps the code of a script.
        const script = `//${count}\n${bytes}`
        texts[`/${index}/${count}.js`] = script
        texts[`/${index}/${count}/file`] = inFile(`/${index}/${count}.js`)
        texts[`/${index}/${count}/tag`] = inTag(script.replaceAll('</script', '<\\/script'))
      }
    return withSite(texts, (url) =>
      withBrowser(async (browser) => {
        const page = await browser.newPage()
        const session = await page.context().newCDPSession(page)
        await session.send('Emulation.setCPUThrottlingRate', { rate: 4 })
        const results = Object.fromEntries(scripts.map(([name]) => [name, []]))
        for (let round = 0; round < rounds; round++)
          for (const [index, [name]] of scripts.entries()) {
            const urls = (kind) =>
              Array.from({ length: loads }, (_, count) => `${url}/${index}/${round * loads + count}/${kind}`)
            results[name].push({
              'script-evaluation': await load(page, urls('file'), 'v8.evaluateModule'),
              'script-compilation': await load(page, urls('tag'), 'v8.compileModule'),
            })
          }
        return results
      }),
    )
  },
}
