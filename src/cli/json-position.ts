/** Matches a token of JSON (RFC 8259, 2), and the space before the token. */
const token =
  /[ \t\n\r]*(?:([{}[\]:,])|("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y

type Kind = 'string' | 'literal' | '{' | '}' | '[' | ']' | ':' | ',' | 'end' | 'unknown'

/**
 * Returns the index of the first character at which a text is no JSON; undefined if the text is JSON. The messages of `JSON.parse` can't be
 * shown instead, because they may quote the text, and only some of them name a position.
 */
export const findMistake = (text: string): number | undefined => {
  let index = 0
  let start = 0
  // Without the assertion the compiler would narrow the type, although each call of `read` changes the value.
  let kind = 'unknown' as Kind
  const read = (): void => {
    token.lastIndex = index
    const [found = '', punctuation, string] = token.exec(text) ?? []
    const space = /[ \t\n\r]*/y
    space.lastIndex = index
    start = index + (space.exec(text)?.[0].length ?? 0)
    index += found.length
    if (found === '') kind = start === text.length ? 'end' : 'unknown'
    else kind = (punctuation as Kind | undefined) ?? (string === undefined ? 'literal' : 'string')
  }
  /** If the current token is of this kind, reads the next one and returns true. */
  const take = (wanted: Kind): boolean => {
    if (kind !== wanted) return false
    read()
    return true
  }
  const readList = (end: Kind, readItem: () => boolean): boolean => {
    if (take(end)) return true
    do if (!readItem()) return false
    while (take(','))
    return take(end)
  }
  const readMember = (): boolean => take('string') && take(':') && readValue()
  const readValue = (): boolean => {
    if (take('{')) return readList('}', readMember)
    if (take('[')) return readList(']', readValue)
    return take('string') || take('literal')
  }
  read()
  return readValue() && kind === 'end' ? undefined : start
}

/**
 * Returns the place of the first mistake in a text that `JSON.parse` refuses, such as `line 3, column 5`. Lines and columns count from 1.
 */
export const positionOfMistake = (text: string): string => {
  const lines = text.slice(0, findMistake(text)).split(/\r\n|\n|\r/)
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`
}
