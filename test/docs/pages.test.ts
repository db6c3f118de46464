// The README links to every page, ARCHITECTURE names every folder, every link resolves, and each page starts with a paragraph.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { problemOf, repositoryTargetsOf, targetsOf } from '../support/links.js'

const root = new URL('../../', import.meta.url)

const pagesIn = async (folder: string): Promise<string[]> =>
  (await readdir(new URL(folder, root))).filter((name) => name.endsWith('.md')).map((name) => folder + name)

const docs = [...(await pagesIn('docs/')), ...(await pagesIn('docs/backends/'))]
const others = (await readdir(root)).filter((name) => name.endsWith('.md'))
const readmes = [
  'demo/README.md',
  'demo/frameworks/README.md',
  'bench/README.md',
  'packages/conformance/README.md',
]

const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8')

test('the README links to every page of the documentation, and docs/BACKENDS.md to the pages of languages', async () => {
  const targets = [
    ...targetsOf(await read('README.md')),
    ...targetsOf(await read('docs/BACKENDS.md')).map((target) => `docs/${target}`),
  ]
  for (const path of [...docs, ...readmes, ...others.filter((name) => name !== 'README.md')])
    assert.ok(targets.includes(path), path)
})

const architecture = await read('ARCHITECTURE.md')

const [, parts = ''] = /^## Where the source is$(.*?)^## /ms.exec(architecture) ?? []

/** The parts of ARCHITECTURE.md about modules with folders, each with its heading, and the items about the modules without. */
const partsOfModules = new Map(
  [
    ...parts.matchAll(/^### ([\w-]+)$.*?(?=^### |(?![^]))/gms),
    ...parts.matchAll(/^- \*\*`([\w-]+)\/`\*\*.*?(?=^- |\n\n)/gms),
  ].map(([part, module = '']) => [module, part]),
)

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

/** The bullet of a folder, or of several: their names, and a line about them. */
const FOLDER = /^- (`[\w/-]+\/`[^:]*):.*$/gm

for (const module of modules)
  test(`ARCHITECTURE.md has a part for src/${module}, which fits on a page and has a line for each of its folders`, async () => {
    const part = partsOfModules.get(module)
    assert.ok(part, `there is no part for ${module}`)
    assert.ok(part.split('\n').length <= 65, 'the part is longer than a page')
    const listed = [...part.matchAll(FOLDER)].flatMap(([, start = '']) =>
      [...start.matchAll(/`([\w/-]+\/)`/g)].map(([, folder = '']) => folder),
    )
    assert.deepEqual(listed.toSorted(), (await foldersOf(module)).toSorted())
    // What does not fit on the line explains a file, and stands in that file.
    assert.doesNotMatch(part, /^- `[\w/-]+\/`.*\n {2}/m)
  })

test('ARCHITECTURE.md has a part for no module that is gone', () => {
  assert.deepEqual([...partsOfModules.keys()].toSorted(), modules.toSorted())
})

test('ARCHITECTURE.md can be read in one go: at most 300 lines', () => {
  assert.ok(architecture.trimEnd().split('\n').length <= 300)
})

/** The headings of sections that do not begin with a bold sentence. Sections of tables, code, pictures or addresses alone need none. */
const withoutLead = (page: string): string[] =>
  page
    .replaceAll(/^( *)```.*?^\1```$/gms, '')
    .split(/^#{2,3} /m)
    .slice(1)
    .filter((section) => {
      const prose = section
        .split(/\n{2,}/)
        .slice(1)
        .filter((block) => /^(?!\||<|#|`[A-Z]+ [^`]*`\s*$)\S/.test(block))
      return prose[0] !== undefined && !/^\*\*[^*]+[.:?]\*\*/.test(prose[0])
    })
    .map((section) => section.slice(0, section.indexOf('\n')))

for (const path of ['ARCHITECTURE.md', ...(await pagesIn('docs/'))])
  test(`each section of ${path} begins with the sentence that suffices for most readers`, async () => {
    assert.deepEqual(withoutLead(await read(path)), [])
  })

test('a section without a bold sentence is found, and one of a table or code alone is not', () => {
  assert.deepEqual(withoutLead('# A page\n\n## One\n\nSome **prose.**\n\n## Two\n\n**All of it.** More.\n'), [
    'One',
  ])
  assert.deepEqual(
    withoutLead('# A page\n\n## One\n\n| a |\n| - |\n\n```sh\n## No heading\n```\n\n### Two\n\n- An item\n'),
    ['Two'],
  )
})

for (const path of [...docs, ...others, ...readmes])
  test(`every relative link and anchor of ${path} resolves`, async () => {
    const problems = await Promise.all(
      targetsOf(await read(path)).map((target) => problemOf(root, path, target)),
    )
    assert.deepEqual(
      problems.filter((problem) => problem !== undefined),
      [],
    )
  })

test('every link of the documentation into the repository resolves', async () => {
  const targets = (await Promise.all(docs.map(read))).flatMap(repositoryTargetsOf)
  assert.ok(targets.includes('bench/README.md'))
  const problems = await Promise.all(targets.map((target) => problemOf(root, 'README.md', target)))
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
  assert.ok(await problemOf(root, 'README.md', 'docs/GATEWAY.md#no-such-heading'))
  assert.ok(await problemOf(root, 'README.md', 'docs/NO-SUCH-PAGE.md'))
  assert.ok(await problemOf(root, 'README.md', '#no-such-heading'))
  assert.equal(await problemOf(root, 'docs/GATEWAY.md', '../README.md#licence'), undefined)
})

test('every file and folder that ARCHITECTURE.md, CONTRIBUTING.md and docs/ENGINES.md name exists', async () => {
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
  for (const page of ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/ENGINES.md']) {
    for (const [, path = ''] of (await read(page)).matchAll(/`([\w./-]+(?:\.(?:ts|mts|mjs|lua)|\w\/))`/g))
      assert.ok(
        existsSync(new URL(path, root)) || known.some((one) => one.endsWith(`/${path}`)),
        `${page} names ${path}`,
      )
  }
})
