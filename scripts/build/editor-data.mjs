// Writes dist/editors/ from dist/custom-elements.json: the data about the element for VS Code and JetBrains' editors.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { getWebTypesData } from 'custom-element-jet-brains-integration'
import { getVsCodeCssCustomData, getVsCodeHtmlCustomData } from 'custom-element-vs-code-integration'

const manifest = JSON.parse(await readFile('dist/custom-elements.json', 'utf8'))
const classes = manifest.modules.flatMap(({ declarations }) => declarations)
const states = classes.flatMap(({ cssStates = [] }) => cssStates)

/** Returns the custom states as pseudo-classes, because neither generator has custom states. */
const pseudoClasses = (colon) =>
  states.map(({ name, description }) => ({ name: `${colon}state(${name})`, description }))

const booleans = new Set(
  classes
    .flatMap(({ attributes = [] }) => attributes)
    .filter(({ type }) => type.text === 'boolean')
    .map(({ name }) => name),
)

const html = JSON.parse(getVsCodeHtmlCustomData(manifest))
for (const { attributes } of html.tags)
  for (const attribute of attributes)
    // VS Code's name for an attribute without a value.
    if (booleans.has(attribute.name)) attribute.valueSet = 'v'
const css = { ...JSON.parse(getVsCodeCssCustomData(manifest)), pseudoClasses: pseudoClasses(':') }
const webTypes = JSON.parse(
  getWebTypesData(manifest, { modulePathTemplate: (_name, path) => `./${path}` }),
  (key, value) => (key === 'doc-url' ? value || undefined : value),
)
webTypes.contributions.css['pseudo-classes'] = pseudoClasses('')

const files = {
  'vscode.html-custom-data.json': html,
  'vscode.css-custom-data.json': css,
  'web-types.json': webTypes,
}
await mkdir('dist/editors', { recursive: true })
for (const [name, content] of Object.entries(files))
  await writeFile(`dist/editors/${name}`, `${JSON.stringify(content)}\n`)
