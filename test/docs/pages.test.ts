// The README links to every page, ARCHITECTURE names every folder, every link resolves, and each page starts with a paragraph.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { access, readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)

const docs = (await readdir(new URL('docs/', root)))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)
const others = (await readdir(root)).filter((name) => name.endsWith('.md'))
const readmes = ['demo/README.md', 'demo/frameworks/README.md', 'bench/README.md']

const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8')

/** The page without its code blocks, which may have lines that look like headings and links. */
const withoutCode = (markdown: string): string => markdown.replaceAll(/^( *)```.*?^\1```$/gms, '')

const headingsOf = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)

/** The anchors that GitHub gives a page's headings. Of equal headings the second has `-1` appended. */
const anchorsOf = (markdown: string): Set<string> => {
  const anchors = new Set<string>()
  for (const heading of headingsOf(markdown)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let number = 1; anchors.has(anchor); number++) anchor = `${slug}-${number}`
    anchors.add(anchor)
  }
  return anchors
}

/** The relative targets of a page's links and pictures. */
const targetsOf = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g)]
    .map(([, link, attribute]) => link ?? attribute ?? '')
    .filter((target) => target !== '' && !/^[a-z]+:|^\//.test(target))

/** The problem of a link on the page at `path`; undefined if the link resolves. */
const problemOf = async (path: string, target: string): Promise<string | undefined> => {
  const [, file = '', anchor] = /^([^#]*)(?:#(.*))?$/.exec(target) ?? []
  const url = file ? new URL(file, new URL(path, root)) : new URL(path, root)
  const isThere = await access(url).then(
    () => true,
    () => false,
  )
  if (!isThere) return `${path}: there is no ${target}`
  if (anchor === undefined) return undefined
  return anchorsOf(await readFile(url, 'utf8')).has(anchor)
    ? undefined
    : `${path}: ${target} has no such heading`
}

test('the README links to every page of the documentation', async () => {
  const targets = targetsOf(await read('README.md'))
  for (const path of [...docs, ...readmes, ...others.filter((name) => name !== 'README.md')])
    assert.ok(targets.includes(path), path)
})

test('ARCHITECTURE.md has an item for every module of the source, and names its folders there', async () => {
  const page = await read('ARCHITECTURE.md')
  const foldersIn = async (path: string): Promise<string[]> => {
    const entries = await readdir(new URL(path, root), { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  }
  for (const module of await foldersIn('src/')) {
    const [, item] = new RegExp(`^- \`src/${module}\`: (.*(?:\\n  .*)*)`, 'm').exec(page) ?? []
    assert.ok(item, `src/${module}`)
    for (const folder of await foldersIn(`src/${module}/`))
      assert.ok(item.includes(`\`${folder}/\``), `src/${module}/${folder}`)
  }
})

for (const path of [...docs, ...others, ...readmes])
  test(`every relative link and anchor of ${path} resolves`, async () => {
    const problems = await Promise.all(targetsOf(await read(path)).map((target) => problemOf(path, target)))
    assert.deepEqual(
      problems.filter((problem) => problem !== undefined),
      [],
    )
  })

for (const path of docs)
  test(`${path} starts with a heading and a paragraph`, async () => {
    const [heading = '', paragraph = ''] = (await read(path)).split('\n\n')
    assert.match(heading, /^# \S.*$/)
    // No list, table, code block, quote or further heading.
    assert.match(paragraph, /^(?:\p{L}|`<|\[)/u)
  })

test('a link to a missing heading or a missing file does not resolve', async () => {
  assert.ok(await problemOf('README.md', 'docs/GATEWAY.md#no-such-heading'))
  assert.ok(await problemOf('README.md', 'docs/NO-SUCH-PAGE.md'))
  assert.ok(await problemOf('README.md', '#no-such-heading'))
  assert.equal(await problemOf('docs/GATEWAY.md', '../README.md#licence'), undefined)
})

test('every file that ARCHITECTURE.md and CONTRIBUTING.md name exists', async () => {
  const sources = (await readdir(new URL('src/', root), { recursive: true })).map((path) => `src/${path}`)
  for (const page of ['ARCHITECTURE.md', 'CONTRIBUTING.md']) {
    for (const [, path = ''] of (await read(page)).matchAll(/`([\w./-]+\.(?:ts|mts|mjs))`/g))
      assert.ok(
        existsSync(new URL(path, root)) || sources.some((source) => source.endsWith(`/${path}`)),
        `${page} names ${path}`,
      )
  }
})
