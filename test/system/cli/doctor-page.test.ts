// Pages that would keep `doctor --page` busy, or send it to addresses that only this machine reaches.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tagsOf } from '../../../src/cli/doctor/html-tags.js'
import { load, publicLookup } from '../../../src/cli/doctor/page.js'
import { startServer } from '../../support/network/http-server.js'

test('tags are found with their attributes, in any case and quotes', () => {
  assert.deepEqual(
    tagsOf(`<META Content='a "b"' x=1><metal y="2"><meta\ndata-x = "z"><meta`, 'meta', 9).map((tag) => [
      ...tag,
    ]),
    [
      [
        ['content', 'a "b"'],
        ['x', '1'],
      ],
      [['data-x', 'z']],
    ],
  )
  assert.equal(tagsOf('<meta>'.repeat(50), 'meta', 7).length, 7)
})

test('character references of attributes are read', () => {
  const [tag] = tagsOf(
    '<meta content="&#39;self&#x27; &quot;&amp;#39;&QUOT; &apos;&lt;&gt; &nbsp; &#9999999; &#xffffff; &#39">',
    'meta',
    1,
  )
  assert.equal(tag?.get('content'), `'self' "&#39;" '<> &nbsp; &#9999999; &#xffffff; &#39`)
})

for (const part of [
  '&#39;',
  '&',
  '<meta',
  '<meta ',
  '<meta a',
  '<meta a="',
  "<meta a='",
  'a',
  'a ',
  'a=',
  '=',
  '" ',
  '-',
  ' ',
  '<',
  '<meta>',
])
  test(`a page of 2 MB of ${JSON.stringify(part)} takes the processor for less than a second`, () => {
    const text = part.repeat(2_000_000 / part.length)
    for (const html of [text, `<meta ${text}>`, `<meta a="${text}>`, `<meta a${text}`]) {
      const before = process.cpuUsage()
      tagsOf(html, 'meta', 100)
      assert.ok(process.cpuUsage(before).user < 1_000_000)
    }
  })

test('a redirect of a page on the internet to a private address is not followed, and one of a private page is', async () => {
  let requests = 0
  const target = await startServer((_, response) => {
    requests += 1
    response.end('secret')
  })
  for (const location of [
    target.url,
    target.url.replace('127.0.0.1', 'localhost'),
    target.url.replace('127.0.0.1', '[::ffff:127.0.0.1]'),
    target.url.replace('127.0.0.1', '0.0.0.0'),
    target.url.replace('127.0.0.1', '2130706433'),
    'http://169.254.169.254/latest',
  ]) {
    const page = await startServer((_, response) => response.writeHead(302, { location }).end())
    await assert.rejects(load(new URL(page.url), false), /not followed/, location)
  }
  assert.equal(requests, 0)
  const page = await startServer((_, response) => response.writeHead(302, { location: target.url }).end())
  assert.equal((await load(new URL(page.url), true)).answer.body, 'secret')
})

test('a name with a private address is looked up as an error', async () => {
  const error = await new Promise((resolve) => publicLookup('localhost', { all: true }, resolve))
  assert.match(String(error), /not followed/)
})
