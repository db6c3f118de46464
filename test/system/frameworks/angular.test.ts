import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { untilState } from '../../support/sites/page-state.js'
import { testDocumented, testFramework } from './harness-suite.js'
import { testSnippet } from './harness-snippets.js'
import {
  holdRegistration,
  press,
  register,
  send,
  startPages,
  untilRead,
  untilBound,
  untilShown,
  visit,
} from './harness.js'

const angular = { name: 'angular', title: 'Angular' }
await testFramework(angular)
await testDocumented(angular)
testSnippet({
  ...angular,
  mark: 'ts',
  checker: ['@angular/compiler-cli/bundles/src/bin/ngc.js', '--project'],
})

test('Angular: [userId] is a property, [attr.user-id] an attribute, and [user-id] neither', async () => {
  const pages = await startPages()
  const { page, complaints } = await visit(pages, '/angular-bindings', { user: 'alice' })
  await untilState(page, 'active')
  await untilBound(page, {
    property: 'active',
    attribute: 'active user-id',
    neither: 'idle',
  })
  assert.deepEqual(complaints(), [])
})

test('Angular: properties and attributes that are set before the element is registered count', async () => {
  const pages = await startPages()
  const { page } = await visit(pages, '/angular-bindings', {
    user: 'alice',
    prepare: holdRegistration,
  })
  await register(page)
  await untilState(page, 'active')
  await untilBound(page, {
    property: 'active',
    attribute: 'active user-id',
    neither: 'idle',
  })
})

test('Angular: after a session from log-in to log-out the element has written no attribute', async () => {
  const pages = await startPages()
  const { page } = await visit(pages, '/angular', { user: 'alice' })
  await untilShown(page, 'State', 'active')
  await send(page, 'alice', 'To myself')
  await untilRead(page, 'alice: To myself')
  await press(page, 'Log out')
  await untilShown(page, 'State', 'ended')
  assert.deepEqual(await page.evaluate(() => document.querySelector('chat-session')?.getAttributeNames()), [])
})
