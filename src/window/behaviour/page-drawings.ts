import { complain } from '../complain.js'

/**
 * Calls a function of the page that draws something, once for each thing: a node has one place, and drawing it again would lose its state.
 * What the function throws, and what is no node, is written to the console once, and the window draws instead.
 */
export const createPageDrawings = (name: string) => {
  let drawings = new WeakMap<object, Node | undefined>()
  let usedFor: unknown
  let hasFailed = false
  const fail = (why: unknown): undefined => {
    if (!hasFailed) complain(`${name} drew nothing`, why)
    hasFailed = true
    return undefined
  }
  return <T extends object>(
    draw: ((thing: T) => unknown) | null | undefined,
    key: object,
    thing: T,
  ): Node | undefined => {
    if (usedFor !== draw) {
      drawings = new WeakMap()
      hasFailed = false
      usedFor = draw
    }
    if (typeof draw !== 'function') return undefined
    if (drawings.has(key)) return drawings.get(key)
    let node: Node | undefined
    try {
      const drawn = draw(thing)
      node = drawn instanceof Node ? drawn : drawn == null ? undefined : fail(drawn)
    } catch (error) {
      node = fail(error)
    }
    drawings.set(key, node)
    return node
  }
}
