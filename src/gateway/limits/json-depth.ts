/** How deeply a client may nest JSON. `JSON.parse` reads any depth, but `JSON.stringify` would overflow the stack. */
const MAX_DEPTH = 32

/** Returns whether objects and arrays are nested more than `MAX_DEPTH` deep. */
export const isTooDeep = (value: unknown, depthLeft = MAX_DEPTH): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (depthLeft === 0 || Object.values(value).some((inner) => isTooDeep(inner, depthLeft - 1)))

export const DEPTH_PROBLEM = `Objects and arrays may be nested at most ${MAX_DEPTH} deep.`
