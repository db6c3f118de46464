import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { ask, customerIn, message, startShop, write } from '../../support/sites/shop.js'

const NORA = 'Nora Lind'

test('the seller’s list shows how much of a thread is unread, who is here, and who types', async () => {
  const site = await startShop()
  const { page: alice } = await customerIn(site)
  await ask(alice, site, 'mug', 'How large is it?')
  const { page: nora } = await customerIn(site, NORA)
  await nora.goto(`${site.url}/messages`)
  const thread = nora.locator('[data-list] li').filter({ hasText: 'Alice Moreau' })
  await thread.getByText('1 new').waitFor()
  await thread.getByText('is here').waitFor()
  await alice.getByLabel('Write to').pressSequentially('Is it')
  await thread.getByText('is typing…').waitFor()
  await write(alice, 'Is it blue?')
  await thread.getByText('2 new').waitFor()
  await thread.getByText('is typing…').waitFor({ state: 'detached' })
  await thread.getByText('is here').waitFor()
  await alice.goto(`${site.url}/account`)
  await alice.getByRole('button', { name: 'Log out and stay here' }).click()
  await thread.getByText('is here').waitFor({ state: 'detached' })
})

test('a thread shows that the other person is here and types, and the server has drawn the former', async () => {
  const site = await startShop()
  const { page: alice } = await customerIn(site)
  await ask(alice, site, 'mug', 'How large is it?')
  await alice.getByText('Nora Lind is away, and answers later.').waitFor()
  const { page: nora } = await customerIn(site, NORA)
  const drawn = await nora.request.get(`${site.url}/messages/alice/mug`)
  assert.match(await drawn.text(), /Alice Moreau is here now\./)
  await nora.goto(`${site.url}/messages/alice/mug`)
  await message(nora, 'How large').waitFor()
  await write(nora, 'A third')
  await alice.getByText('Nora Lind is here now.').waitFor()
  await nora.getByLabel('Write to').pressSequentially('A th')
  await alice.getByText('Nora Lind is typing…').waitFor()
  await alice.getByLabel('Write to').pressSequentially('And')
  await nora.getByText('Alice Moreau is typing…').waitFor()
  // Without another key the signal ends by itself.
  await alice.getByText('Nora Lind is typing…').waitFor({ state: 'detached' })
})

test('the switch of notifications says why they are not shown, and stays off then', async () => {
  const site = await startShop()
  const { page } = await customerIn(site)
  await page.goto(`${site.url}/account`)
  const toggle = page.getByRole('switch')
  assert.equal(await toggle.isChecked(), false)
  await toggle.click()
  await page.getByText('This browser does not allow the shop to notify you.').waitFor()
  assert.equal(await toggle.isChecked(), false)
  const worker = await page.evaluate(async () => (await navigator.serviceWorker.ready).active?.scriptURL)
  assert.equal(worker, `${site.url}/worker.js`)
})
