// Reads the published manifest for the tests.
import { readFile } from 'node:fs/promises'

const root = new URL('../../../', import.meta.url)

export const readJson = async <T>(path: string): Promise<T> =>
  JSON.parse(await readFile(new URL(path, root), 'utf8')) as T

export interface Described {
  name: string
  description?: string
}
interface Typed extends Described {
  type?: { text: string }
}
interface Member extends Typed {
  kind: 'field' | 'method'
  privacy?: string
  return?: { type: { text: string } }
}
interface ElementClass extends Described {
  tagName: string
  members: Member[]
  attributes: (Typed & { fieldName: string })[]
  events: Typed[]
  cssStates: Described[]
}
interface Definition {
  kind: string
  name: string
  declaration: { name: string; module: string }
}
interface Manifest {
  schemaVersion: string
  modules: { path: string; declarations: (Described & { tagName?: string })[]; exports: Definition[] }[]
}

interface PackageJson {
  version: string
  repository: { type: string; url: string }
  exports: Record<string, Record<string, string> | string>
  sideEffects: string[]
  customElements: string
  'web-types': string
}

export const packageJson = await readJson<PackageJson>('package.json')
export const manifest = await readJson<Manifest>(packageJson.customElements)

const find = (tag: string): Described => {
  const found = manifest.modules
    .flatMap(({ declarations }) => declarations)
    .find(({ tagName }) => tagName === tag)
  if (!found) throw new Error(`The manifest has no <${tag}>.`)
  return found
}
/** The manifest's declaration of `<chat-session>`. */
export const element = find('chat-session') as ElementClass
/** The manifest's declaration of `<chat-unread>`, which has attributes and states only. */
export const unreadElement = find('chat-unread') as Pick<ElementClass, 'name' | 'attributes' | 'cssStates'>

/** The states of both elements. */
export const states: readonly Described[] = [...element.cssStates, ...unreadElement.cssStates]

export const namesOf = (list: readonly Described[]): string[] => list.map(({ name }) => name).sort()
