import { userIdText } from '../../protocol/index.js'
import { ifPossible } from '../util/if-possible.js'

/**
 * Returns a token's `sub` as text, or undefined if it can't be read. Nothing is verified here. The gateway verifies the token, and refuses
 * a text that is no token.
 */
export const unverifiedSubject = (token?: string | null): string | undefined =>
  ifPossible(() => {
    const base64 = token?.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? ''
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown }
    const userId = userIdText(sub)
    return typeof userId === 'string' ? userId : undefined
  })
