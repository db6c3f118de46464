/** How deep what a client sends may be nested: JSON is read at any depth, but not written. */
export const MAX_DEPTH = 32

/** Whether objects and arrays stand within each other more than `DEEPEST` times. */
export const isTooDeep = (value: unknown, deepest = MAX_DEPTH): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (deepest === 0 || Object.values(value).some((inner) => isTooDeep(inner, deepest - 1)))

export const DEPTH_PROBLEM = `Objects and lists may be nested ${MAX_DEPTH} deep.`
