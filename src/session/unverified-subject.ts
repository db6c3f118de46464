/** Whom a token says it is for; undefined when it can't be read. Nothing is verified: that is the gateway's. */
export const subjectOf = (token: string): string | undefined => {
  try {
    const base64 = token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? ''
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown }
    return typeof sub === 'string' ? sub : undefined
  } catch {
    // Not a token: the gateway says so.
    return undefined
  }
}
