// What the script of a page costs its main thread on a slow device, before the page calls it.
import { withBrowser, withSite } from '../page.mjs'
import { readScripts } from '../scripts.mjs'

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length

const inTag = (script) => `<!doctype html><script type="module">${script}</script>`

const inFile = (path) => `<!doctype html><script type="module" src="${path}"></script>`

/** Loads a page in the tab. Resolves with the milliseconds of the main thread in these events of the trace. */
const load = async (page, url, event) => {
  const browser = page.context().browser()
  await browser.startTracing(page, { categories: ['devtools.timeline', 'v8'] })
  await page.goto(url)
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString())
  return traceEvents.filter(({ name }) => name === event).reduce((sum, { tdur }) => sum + tdur / 1_000, 0)
}

export default {
  title: "The script's evaluation",
  method:
    'CPU time of the main thread in Chromium, slowed down 4 times by its debugging protocol, as the mean of 15 loads without a cache. Chromium compiles a script with an address in another thread, and a script inside the page in the main thread.',
  figures: {
    'script-evaluation': { unit: 'ms of the main thread to run it', base: 'socket.io-client' },
    'script-compilation': { unit: 'ms to compile it', base: 'socket.io-client' },
  },
  async measure({ rounds, isQuick }) {
    const loads = isQuick ? 4 : 15
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
        for (let round = 0; round < rounds; round++) {
          const times = scripts.map(() => ({ run: [], compiled: [] }))
          for (let count = round * loads; count < (round + 1) * loads; count++)
            for (const [index, { run, compiled }] of times.entries()) {
              run.push(await load(page, `${url}/${index}/${count}/file`, 'v8.evaluateModule'))
              compiled.push(await load(page, `${url}/${index}/${count}/tag`, 'v8.compileModule'))
            }
          for (const [index, { run, compiled }] of times.entries())
            results[scripts[index][0]].push({
              'script-evaluation': mean(run),
              'script-compilation': mean(compiled),
            })
        }
        return results
      }),
    )
  },
}
