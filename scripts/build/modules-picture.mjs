// Draws the modules of src/ and the imports between them: node scripts/build/modules-picture.mjs writes docs/images/modules.svg,
// with --check it compares. Only arrows that no longer path implies are drawn.
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { pathInSrc, modules } from '../modules.mjs'

const src = fileURLToPath(new URL('../../src/', import.meta.url))
const picture = fileURLToPath(new URL('../../docs/images/modules.svg', import.meta.url))

/** Returns a file's folder in its module. Folders below that folder are not drawn: `scripts/modules.mjs` has their arrows. */
const folderOf = (path) => dirname(path).split('/').slice(0, 2).join('/')
const moduleOf = (path) => path.split('/')[0]

/** Returns every import in src/ as `[from, to]`, as paths below src/ without extensions. */
const readImports = async () => {
  const files = (await readdir(src, { recursive: true })).filter((name) => name.endsWith('.ts'))
  const imports = await Promise.all(
    files.map(async (name) => {
      const file = join(src, name)
      const { importedFiles } = ts.preProcessFile(await readFile(file, 'utf8'))
      return importedFiles
        .filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => [pathInSrc(file), pathInSrc(join(dirname(file), fileName))])
    }),
  )
  return imports.flat()
}

/** Returns a graph of names: `from` → set of `to`. */
const graphOf = (names, pairs) => {
  const graph = new Map(names.map((name) => [name, new Set()]))
  for (const [from, to] of pairs) if (from !== to && graph.has(from) && graph.has(to)) graph.get(from).add(to)
  return graph
}

const reaches = (graph, from, to) =>
  [...graph.get(from)].some((next) => next === to || reaches(graph, next, to))

/** Returns the graph without the arrows that a longer path implies. */
const reduced = (graph) =>
  new Map(
    [...graph].map(([from, targets]) => [
      from,
      [...targets].filter((to) => ![...targets].some((other) => other !== to && reaches(graph, other, to))),
    ]),
  )

/** Returns a function for the length of the longest path from a name to a name without imports. */
const rankIn = (graph) => {
  const rank = (name) => Math.max(-1, ...[...graph.get(name)].map(rank)) + 1
  return rank
}

const layersOf = (graph) => {
  const rank = rankIn(graph)
  const layers = []
  for (const name of graph.keys()) (layers[rank(name)] ??= []).push(name)
  return layers.reverse()
}

const CHIP = { height: 26, gap: 14, row: 46, width: (label) => label.length * 7.4 + 22 }
const MODULE = { padding: 16, title: 30, gapX: 36, gapY: 58 }
const MARGIN = 16

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0)
const rowWidth = (widths, gap) => sum(widths) + gap * (widths.length - 1)

/** Places a module's folders in rows, relative to its upper left corner. */
const layoutModule = (module, imports) => {
  const folders = [...new Set(imports.flat().map(folderOf))].filter((folder) =>
    folder.startsWith(`${module}/`),
  )
  const graph = graphOf(
    folders.sort(),
    imports.map((pair) => pair.map(folderOf)),
  )
  const layers = layersOf(graph)
  const labels = layers.map((names) => names.map((name) => name.slice(module.length + 1)))
  const widths = labels.map((row) => rowWidth(row.map(CHIP.width), CHIP.gap))
  const inner = Math.max(CHIP.width(module) + 10, ...widths)
  const chips = new Map()
  for (const [index, names] of layers.entries()) {
    let x = MODULE.padding + (inner - widths[index]) / 2
    for (const name of names) {
      const width = CHIP.width(name.slice(module.length + 1))
      chips.set(name, { x, y: MODULE.title + index * CHIP.row + 8, width })
      x += width + CHIP.gap
    }
  }
  const height = MODULE.title + (layers.length ? layers.length * CHIP.row : 6)
  return { module, chips, graph: reduced(graph), width: inner + 2 * MODULE.padding, height }
}

const layout = (imports) => {
  const names = [...new Set(Object.keys(modules).map(moduleOf))]
  const graph = graphOf(
    names,
    imports.map((pair) => pair.map(moduleOf)),
  )
  const rows = layersOf(graph).map((row) => row.map((module) => layoutModule(module, imports)))
  const widths = rows.map((row) =>
    rowWidth(
      row.map(({ width }) => width),
      MODULE.gapX,
    ),
  )
  const width = Math.max(...widths) + 2 * MARGIN
  const placed = new Map()
  let y = MARGIN
  for (const row of rows) {
    const height = Math.max(...row.map((module) => module.height))
    // The rows fill the width, so that the modules of browsers and of servers form columns.
    const gap =
      row.length > 1 ? (width - 2 * MARGIN - sum(row.map((module) => module.width))) / (row.length - 1) : 0
    let x = row.length > 1 ? MARGIN : (width - row[0].width) / 2
    for (const module of row) {
      placed.set(module.module, { ...module, x, y: y + (height - module.height) / 2 })
      x += module.width + gap
    }
    y += height + MODULE.gapY
  }
  return { placed, graph: reduced(graph), width, height: y - MODULE.gapY + MARGIN }
}

const round = (number) => Math.round(number * 10) / 10

/** Returns a curve from the middle of one box's lower side to the upper side of another. */
const arrow = (from, to, name) => {
  const [x1, y1] = [round(from.x + from.width / 2), round(from.y + from.height)]
  const [x2, y2] = [round(to.x + to.width / 2), round(to.y - 5)]
  const bend = round((y2 - y1) / 2)
  return `<path class="arrow" marker-end="url(#head)" d="M${x1} ${y1} C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}"><title>${name}</title></path>`
}

const style = `
svg { color: #1f2937; font: 13px ui-monospace, SFMono-Regular, Menlo, monospace; }
.page { fill: #fff; } .module { fill: #f3f4f6; stroke: #9ca3af; } .folder { fill: #fff; stroke: #9ca3af; }
.arrow { fill: none; stroke: #4f6bd8; stroke-width: 1.4; } .tip { fill: #4f6bd8; } text { fill: currentColor; }
.name { font-weight: 700; }
@media (prefers-color-scheme: dark) {
  svg { color: #e5e7eb; } .page { fill: #111827; } .module { fill: #1f2937; stroke: #6b7280; }
  .folder { fill: #111827; stroke: #6b7280; } .arrow { stroke: #93a8f4; } .tip { fill: #93a8f4; }
}`

const draw = ({ placed, graph, width, height }) => {
  const boxes = [...placed.values()].map(({ module, chips, graph: inner, ...box }) => {
    const at = (name) => {
      const chip = chips.get(name)
      return { x: box.x + chip.x, y: box.y + chip.y, width: chip.width, height: CHIP.height }
    }
    const folders = [...chips.keys()].map((name) => {
      const { x, y, width: wide } = at(name)
      return `<rect class="folder" x="${round(x)}" y="${round(y)}" width="${round(wide)}" height="${CHIP.height}" rx="5"/><text x="${round(x + wide / 2)}" y="${round(y + 17)}" text-anchor="middle">${name.slice(module.length + 1)}</text>`
    })
    const arrows = [...inner].flatMap(([from, targets]) =>
      targets.map((to) => arrow(at(from), at(to), `${from} imports ${to}`)),
    )
    return [
      `<rect class="module" x="${round(box.x)}" y="${round(box.y)}" width="${round(box.width)}" height="${round(box.height)}" rx="9"/>`,
      `<text class="name" x="${round(box.x + MODULE.padding)}" y="${round(box.y + 21)}">${module}</text>`,
      ...arrows,
      ...folders,
    ].join('\n')
  })
  const arrows = [...graph].flatMap(([from, targets]) =>
    targets.map((to) => arrow(placed.get(from), placed.get(to), `${from} imports ${to}`)),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img">
<title>The modules of src/ and which of them imports which</title>
<style>${style}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0 L8 4 L0 8 Z"/></marker></defs>
<rect class="page" width="100%" height="100%"/>
${[...boxes, ...arrows].join('\n')}
</svg>
`
}

const svg = draw(layout(await readImports()))
if (!process.argv.includes('--check')) await writeFile(picture, svg)
else if ((await readFile(picture, 'utf8')) !== svg) {
  console.error(
    'docs/images/modules.svg differs from the imports in src/: run `node scripts/build/modules-picture.mjs`.',
  )
  process.exitCode = 1
}
