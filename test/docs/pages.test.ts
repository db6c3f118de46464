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

/** The part of ARCHITECTURE.md about a module of src/. */
const partOf = (page: string, module: string): string =>
  page.split(/^(?=#{2,3} )/m).find((part) => part.startsWith(`### ${module}\n`)) ?? ''

/** The paths of all folders below a module, relative to it: `redis/client/`. */
const foldersOf = async (module: string): Promise<string[]> => {
  const entries = await readdir(new URL(`src/${module}/`, root), { withFileTypes: true, recursive: true })
  const base = new URL(`src/${module}`, root).pathname
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => `${parentPath}/${name}/`.replaceAll(/\/+/g, '/').slice(base.length + 1))
}

const modules = (await readdir(new URL('src/', root), { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

for (const module of modules)
  test(`ARCHITECTURE.md has a part for src/${module}, which fits on a page and lists each of its folders`, async () => {
    const part = partOf(await read('ARCHITECTURE.md'), module)
    assert.ok(part, `there is no heading ${module}`)
    assert.ok(part.split('\n').length <= 65, 'the part is longer than a page')
    const listed = [...part.matchAll(/^- (`[\w/-]+\/`[^:]*):/gm)].flatMap(([, start = '']) =>
      [...start.matchAll(/`([\w/-]+\/)`/g)].map(([, folder = '']) => folder),
    )
    assert.deepEqual(listed.toSorted(), (await foldersOf(module)).toSorted())
  })

test('ARCHITECTURE.md has a part for no module that is gone', async () => {
  const [, parts = ''] = /^## Where the source is$(.*?)^## /ms.exec(await read('ARCHITECTURE.md')) ?? []
  assert.deepEqual([...parts.matchAll(/^### (.*)$/gm)].map(([, name]) => name).toSorted(), modules.toSorted())
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

test('every file and folder that ARCHITECTURE.md and CONTRIBUTING.md name exists', async () => {
  const below = await Promise.all(
    ['src', 'test', 'scripts'].map(async (folder) => {
      const entries = await readdir(new URL(`${folder}/`, root), { recursive: true, withFileTypes: true })
      const paths = entries.map(
        (entry) => `${entry.parentPath}/${entry.name}${entry.isDirectory() ? '/' : ''}`,
      )
      return paths.map((path) => path.replaceAll(/\/+/g, '/'))
    }),
  )
  const known = below.flat()
  for (const page of ['ARCHITECTURE.md', 'CONTRIBUTING.md']) {
    for (const [, path = ''] of (await read(page)).matchAll(/`([\w./-]+(?:\.(?:ts|mts|mjs|lua)|\w\/))`/g))
      assert.ok(
        existsSync(new URL(path, root)) || known.some((one) => one.endsWith(`/${path}`)),
        `${page} names ${path}`,
      )
  }
})
