// Each page says who it is for and what they can do afterwards. Its prose is no wider than a screen, and neither are its tables.
import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)

const pagesIn = async (folder: string): Promise<string[]> =>
  (await readdir(new URL(folder, root))).filter((name) => name.endsWith('.md')).map((name) => folder + name)

const pages = [
  ...(await pagesIn('./')),
  ...(await pagesIn('docs/')),
  ...(await pagesIn('docs/backends/')),
  ...['bench/README.md', 'demo/README.md', 'demo/frameworks/README.md', 'packages/conformance/README.md'],
]

const MAX_PROSE = 140
const MAX_COLUMNS = 5

/** The number of columns of a table's row. */
const columnsOf = (row: string): number => row.replaceAll('\\|', '').split('|').length - 2

/** Returns what is wider than a screen on a page, each with its line number. */
const wideParts = (markdown: string): string[] => {
  const wide: string[] = []
  let isCode = false
  for (const [index, line] of markdown.split('\n').entries()) {
    if (/^ *```/.test(line)) isCode = !isCode
    else if (isCode) continue
    else if (/^ *\|/.test(line)) {
      if (columnsOf(line.trim()) > MAX_COLUMNS)
        wide.push(`${index + 1}: a table of ${columnsOf(line)} columns`)
    } else if (line.length > MAX_PROSE) wide.push(`${index + 1}: a line of ${line.length} characters`)
  }
  return wide
}

for (const page of pages) {
  test(`the prose of ${page} has at most ${MAX_PROSE} characters in a line, and its tables ${MAX_COLUMNS} columns`, async () => {
    assert.deepEqual(wideParts(await readFile(new URL(page, root), 'utf8')), [])
  })

  // The README is for everyone, so it begins with what the project is.
  if (page !== './README.md')
    test(`${page} says who it is for, and what they can do after reading it`, async () => {
      const [, paragraph = ''] = (await readFile(new URL(page, root), 'utf8')).split('\n\n')
      const text = paragraph.replaceAll(/\s+/g, ' ')
      assert.match(text, /^This page is for \S/)
      assert.match(text, /\bAfter reading \S.* (?:you|your|the compiler) \S/)
    })
}

test('a long line and a wide table are found, but not in code', () => {
  const long = 'word '.repeat(30)
  assert.equal(wideParts(`# A page\n\n${long}\n`).length, 1)
  assert.equal(wideParts(`- an item\n  ${long}\n`).length, 1)
  assert.deepEqual(wideParts(`\`\`\`sh\n${long}\n\`\`\`\n`), [])
  assert.equal(wideParts('| a | b | c | d | e | f |\n').length, 1)
  assert.deepEqual(wideParts('| a | b \\| B | c | d | e |\n'), [])
})
