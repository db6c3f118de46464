/** Returns the result of `use`; undefined if it throws. */
export const ifPossible = <T>(use: () => T): T | undefined => {
  try {
    return use()
  } catch {
    return undefined
  }
}
