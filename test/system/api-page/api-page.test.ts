import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { assertAccessible } from '../../support/browsers/axe.js'
import { itOnPlayground as it } from '../../support/sites/playground-page.js'

describe('the page to try the REST API', () => {
  it('sends calls to the gateway, with a token that goes to its own origin alone', async ({ page, dev }) => {
    const targets: string[] = []
    page.on('request', (request) => {
      if (request.headers()['authorization']) targets.push(new URL(request.url()).origin)
    })
    await page.goto(`${dev.url}/`)
    await page.getByRole('link', { name: 'REST API' }).click()
    await page.getByRole('heading', { name: 'REST API' }).waitFor()

    const call = page.locator('details', { hasText: 'Send a message to a user' }).first()
    await call.locator('summary').click()
    await call.getByLabel('user').fill('a/b')
    await call.getByRole('button', { name: 'Send' }).click()
    await call.getByText(/^201 Created/).waitFor()

    await page.getByLabel('App').selectOption('shop')
    const usage = page.locator('details', { hasText: 'What the app stores' }).first()
    await usage.locator('summary').click()
    await usage.getByRole('button', { name: 'Send' }).click()
    await usage.getByText(/^200 OK\s+\{\s+"users": 0,/).waitFor()
    assert.deepEqual(targets, [dev.url, dev.url])

    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 740 })
      await assertAccessible(page, `${width} px`)
    }
  })

  it('sends nothing for an id that would change the path', async ({ page, dev }) => {
    await page.goto(`${dev.url}/api/`)
    const call = page.locator('details', { hasText: 'Log a user out everywhere' }).first()
    await call.locator('summary').click()
    await call.getByLabel('user').fill('..')
    await call.getByRole('button', { name: 'Send' }).click()
    await call.getByText("'..' is no user id.").waitFor()
  })

  it('says so if it cannot load the calls', async ({ page, dev }) => {
    await page.route('**/dev/apps', (route) => route.fulfill({ status: 204 }))
    await page.goto(`${dev.url}/api/`)
    await page.getByRole('alert').getByText("The page can't be shown.").waitFor()
  })
})
