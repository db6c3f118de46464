// What a message may show and where its links lead, and the keys, words and dates of the window: one case a line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTooLong, sends } from '../../src/window/behaviour/text-field.js'
import { dataOf, fileOf, imageOf, previewOf } from '../../src/window/content/attachments.js'
import { linked } from '../../src/window/content/links.js'
import { safeUrl } from '../../src/window/content/urls.js'
import { endWord, isLogOut } from '../../src/window/words/end-word.js'
import type { MessageData } from '../../src/window/types.js'
import { words as ar } from '../../src/window/words/ar.js'
import { words as de } from '../../src/window/words/de.js'
import { words as en, type WordKey } from '../../src/window/words/en.js'
import { words as es } from '../../src/window/words/es.js'
import { words as fr } from '../../src/window/words/fr.js'
import { words as ja } from '../../src/window/words/ja.js'
import { fill } from '../../src/window/words/fill.js'
import { wordsLanguage } from '../../src/window/words/languages.js'
import { timesOf } from '../../src/window/words/times.js'

const addresses: [address: unknown, safe: string | undefined][] = [
  ['https://example.com/a?b#c', 'https://example.com/a?b#c'],
  ['http://localhost:8080/a', 'http://localhost:8080/a'],
  ['http://127.0.0.1/', 'http://127.0.0.1/'],
  ['http://[::1]/', 'http://[::1]/'],
  ['http://example.com/', undefined],
  ['http://localhost.example.com/', undefined],
  ['javascript:alert(1)', undefined],
  [' javascript:alert(1)', undefined],
  ['java\nscript:alert(1)', undefined],
  ['data:text/html,<script>alert(1)</script>', undefined],
  ['blob:https://example.com/1', undefined],
  ['file:///etc/passwd', undefined],
  ['https://bank.example@evil.example/', undefined],
  ['/relative', undefined],
  ['//example.com/', undefined],
  ['', undefined],
  [undefined, undefined],
  [{ toString: () => 'https://example.com/' }, undefined],
]
for (const [address, safe] of addresses)
  test(`the address ${JSON.stringify(address)} is ${safe ? 'allowed' : 'refused'}`, () => {
    assert.equal(safeUrl(address), safe)
  })

const texts: [text: string, pieces: [text: string, url?: string][]][] = [
  ['No link', [['No link']]],
  ['https://a.example', [['https://a.example', 'https://a.example/']]],
  ['See https://a.example/b.', [['See '], ['https://a.example/b', 'https://a.example/b'], ['.']]],
  ['(https://a.example/b_(c))', [['('], ['https://a.example/b_(c)', 'https://a.example/b_(c)'], [')']]],
  ['<https://a.example/>', [['<'], ['https://a.example/', 'https://a.example/'], ['>']]],
  ['http://a.example', [['http://a.example']]],
  ['javascript:alert(1)', [['javascript:alert(1)']]],
  ['https://', [['https://']]],
  [
    'https://a.example https://b.example',
    [['https://a.example', 'https://a.example/'], [' '], ['https://b.example', 'https://b.example/']],
  ],
]
for (const [text, pieces] of texts)
  test(`the links of ${JSON.stringify(text)}`, () => {
    assert.deepEqual(
      linked(text).map(({ text, url }) => (url === undefined ? [text] : [text, url])),
      pieces,
    )
    assert.equal(
      linked(text)
        .map(({ text }) => text)
        .join(''),
      text,
      'nothing of the text is lost',
    )
  })

test('an address with thousands of brackets or dots after it is a link too', () => {
  for (const end of ['(', ')', '.', '.)'])
    assert.deepEqual(
      linked(`https://a.example/b${end.repeat(8_000)}`)[0]?.text.slice(0, 19),
      'https://a.example/b',
    )
})

const data = (value: unknown): MessageData => value as MessageData

test('a picture has its size if both lengths are ones that a picture can have', () => {
  const url = 'https://a.example/p.png'
  const sizeOf = (width: unknown, height: unknown) => imageOf(data({ image: { url, width, height } }))?.size
  assert.deepEqual(sizeOf(4, 3), { width: 4, height: 3 })
  for (const [width, height] of [[4], [0, 3], [1e9, 1e9], ['4', '3'], [NaN, 3], [Infinity, 3]])
    assert.equal(sizeOf(width, height), undefined)
})

test('strange data draws nothing', () => {
  const url = 'javascript:alert(1)'
  for (const strange of [undefined, {}, { image: 1 }, { image: null }, { image: { url } }, { image: {} }])
    assert.equal(imageOf(data(strange)), undefined)
  for (const strange of [undefined, {}, { file: 'a' }, { file: { url, name: 'a' } }, { file: { name: 'a' } }])
    assert.equal(fileOf(data(strange)), undefined)
  assert.equal(previewOf({ data: data({ order: 17 }) }, 'Picture'), '')
})

test('a file has the name of its host if it has none, and its size if that is one', () => {
  const url = 'https://a.example/1'
  assert.deepEqual(fileOf(data({ file: { url } })), { url, name: 'a.example', size: undefined })
  assert.deepEqual(fileOf(data({ file: { url, name: 'b', size: 0 } })), { url, name: 'b', size: 0 })
  for (const size of [-1, '1', Infinity, NaN])
    assert.equal(fileOf(data({ file: { url, name: 'b', size } }))?.size, undefined)
})

test('what was uploaded is a picture if its type says so, else a file', () => {
  const url = 'https://a.example/1'
  assert.deepEqual(dataOf(url, 'b.png', 7, 'image/png'), { image: { url, alt: 'b.png' } })
  assert.deepEqual(dataOf(url, 'b.pdf', 7, 'application/pdf'), { file: { url, name: 'b.pdf', size: 7 } })
})

test('a text of 16,384 bytes may be sent, and one byte more may not', () => {
  assert.equal(isTooLong('a'.repeat(16_384)), false)
  assert.equal(isTooLong('a'.repeat(16_385)), true)
  assert.equal(isTooLong('€'.repeat(5_461)), false)
  assert.equal(isTooLong('€'.repeat(5_462)), true)
})

const none = {
  key: 'Enter',
  keyCode: 13,
  isComposing: false,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
}
const keys: [key: Partial<typeof none>, byEnter: boolean, byCtrlEnter: boolean][] = [
  [{}, true, false],
  [{ shiftKey: true }, false, false],
  [{ ctrlKey: true }, true, true],
  [{ metaKey: true }, true, true],
  [{ isComposing: true }, false, false],
  [{ keyCode: 229 }, false, false],
  [{ ctrlKey: true, isComposing: true }, false, false],
  [{ key: 'a', ctrlKey: true }, false, false],
]
for (const [key, byEnter, byCtrlEnter] of keys)
  test(`the key ${JSON.stringify(key)} sends or does not`, () => {
    for (const sendKey of ['enter', undefined, null, 'something else'])
      assert.equal(sends({ ...none, ...key }, sendKey), byEnter)
    assert.equal(sends({ ...none, ...key }, 'ctrl-enter'), byCtrlEnter)
  })

test('every end of a session has a sentence for the user', () => {
  const sentences: [code: string | undefined, key: WordKey, isLogOut: boolean][] = [
    [undefined, 'over', true],
    ['signed-out', 'over', true],
    ['revoked', 'over', true],
    ['token-expired', 'expired', false],
    ['unauthenticated', 'expired', false],
    ['refused', 'denied', false],
    ['guests-refused', 'denied', false],
    ['replaced', 'elsewhere', false],
    ['too-many-sessions', 'elsewhere', false],
    ['blocked-by-csp', 'closed', false],
    ['a code of later', 'closed', false],
  ]
  for (const [code, key, isOut] of sentences) assert.deepEqual([endWord(code), isLogOut(code)], [key, isOut])
})

test('each language has every word, with the same placeholders', () => {
  const placeholders = (text: string): string[] => text.match(/\{\w+\}/g) ?? []
  for (const [language, words] of Object.entries({ ar, de, es, fr, ja })) {
    assert.deepEqual(Object.keys(words), Object.keys(en), language)
    for (const [key, text] of Object.entries(words) as [WordKey, string][]) {
      assert.deepEqual(placeholders(text), placeholders(en[key]), `${language} ${key}`)
      assert.ok(key === 'direction' || text.trim(), `${language} ${key}`)
    }
  }
})

test('a name with a placeholder or a dollar sign is put into a text as it is', () => {
  assert.equal(fill('{name} is typing…', '$& {n}'), '$& {n} is typing…')
})

test('the words are those of the first language that has some', () => {
  assert.equal(wordsLanguage(['de-AT']), 'de')
  assert.equal(wordsLanguage(['tlh', 'FR-ca']), 'fr')
  assert.equal(wordsLanguage(['en-GB', 'de']), 'en')
  assert.equal(wordsLanguage(['constructor', 'toString']), 'en')
  assert.equal(wordsLanguage([]), 'en')
})

test('a day is today, yesterday or a date, and one text for all its times', () => {
  const { day, brief, clock, size } = timesOf(['en-GB'])
  const at = (days: number, hour: number): number => {
    const date = new Date()
    return new Date(date.getFullYear(), date.getMonth(), date.getDate() - days, hour).getTime()
  }
  assert.equal(day(at(0, 0)), 'Today')
  assert.equal(day(at(0, 23)), 'Today')
  assert.equal(day(at(1, 12)), 'Yesterday')
  assert.equal(day(new Date(2020, 0, 5).getTime()), '5 Jan 2020')
  assert.equal(clock(at(0, 9)), '09:00')
  assert.equal(brief(at(0, 9)), '09:00')
  assert.equal(brief(at(1, 9)), 'Yesterday')
  assert.equal(size(1), '1 kB')
  assert.equal(size(123_456), '124 kB')
  assert.equal(timesOf(['de']).day(at(1, 12)), 'Gestern')
})
