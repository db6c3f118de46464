import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { ChatSessionElement } from '../../src/element/chat-session.js'
import { ChatWindowElement } from '../../src/window/chat-window.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const project = `${root}src/tsconfig.browser.json`
const { config } = ts.readConfigFile(project, (path) => ts.sys.readFile(path)) as { config: unknown }
const { fileNames, options, projectReferences } = ts.parseJsonConfigFileContent(config, ts.sys, `${root}src`)
const program = ts.createProgram({
  rootNames: fileNames,
  options,
  ...(projectReferences && { projectReferences }),
})
const checker = program.getTypeChecker()

/** The names in one of the types that the typings of the frameworks use. */
const namesIn = (type: string): string[] => {
  const file = program.getSourceFile(`${root}src/typings/tag.ts`)
  const module = file && checker.getSymbolAtLocation(file)
  const symbol = module && checker.getExportsOfModule(module).find(({ name }) => name === type)
  assert.ok(symbol, type)
  return checker
    .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
    .map(({ name }) => name)
    .sort()
}

test('the typings have the attributes that the element observes', () => {
  assert.deepEqual(namesIn('TagAttributes'), ChatSessionElement.observedAttributes.toSorted())
})

test('the typings have the properties that can be set', () => {
  assert.deepEqual(namesIn('TagProperties'), Object.keys(ChatSessionElement.properties).sort())
})

test('the typings have the element’s events, and no others', () => {
  const events = namesIn('TagEvents')
  assert.ok(events.includes('session-started'))
  for (const event of events) assert.match(event, /^session-/)
})

test('the typings have the attributes, the properties and the events of the window', () => {
  assert.deepEqual(namesIn('WindowAttributes'), ChatWindowElement.observedAttributes.toSorted())
  assert.deepEqual(namesIn('WindowProperties'), Object.keys(ChatWindowElement.properties).sort())
  assert.deepEqual(namesIn('WindowEvents'), ['chat-window-close', 'chat-window-link', 'chat-window-open'])
})
