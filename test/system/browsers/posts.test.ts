import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { startProxy } from '../../support/network/proxy.js'
import { serveSite } from '../../support/sites/rendered-site.js'
import { APP, startShopGateway } from '../../support/sites/shop-gateway.js'
import { shopTokenFor } from '../../support/sites/static-page.js'
import { until } from '../../support/until.js'
import { activeId, startBob, tabs, untilState } from './tabs.js'

for (const [name, tab] of tabs)
  for (const state of ['reconnecting', 'starting'])
    test(`${name}: a message that is sent while the session is ${state}, by a click that also leaves the page, is posted`, async () => {
      const gateway = await startShopGateway()
      const bob = await startBob(gateway)
      const received: string[] = []
      bob.addEventListener('message', ({ detail }) => received.push(detail.message.body ?? ''))
      let takesPostsAlone = false
      const proxy = await startProxy(gateway.url, (head) => takesPostsAlone && !head.startsWith('POST'))
      const site = await serveSite(gateway, async (path) =>
        path === '/plain'
          ? undefined
          : { 'app-id': APP, token: await shopTokenFor('ada'), endpoint: proxy.url },
      )
      await tab.goto(site.url)
      await activeId(tab)
      takesPostsAlone = true
      proxy.cut()
      if (state === 'starting') await tab.goto(`${site.url}/other`)
      await untilState(tab, state)
      await tab.evaluate(`void (
        document.querySelector('chat-session').send({ to: 'bob', body: 'Away at once' }).catch(() => undefined),
        location.href = '/plain')`)
      await until('what bob received', () => received.join(), 'Away at once')
      assert.ok(proxy.heads.some((head) => head.startsWith('POST /v1/session/send ')))
      await bob.end()
    })
