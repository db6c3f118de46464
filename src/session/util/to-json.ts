/** Values of every kind that JSON has. What they inherit, all values of their kind inherit. */
const plainValues = [[], {}, '', 0, true]

const toJsonOf = (value: unknown): unknown => (value as { toJSON?: unknown } | null | undefined)?.toJSON

/**
 * Returns a value as JSON. Ignores a `toJSON` that lists, plain objects, texts, numbers or booleans inherit: some libraries give them one,
 * and then a text is written with its quotes twice. Throws as `JSON.stringify` does.
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, function (this: Record<string, unknown>, key, json: unknown) {
    const original = this[key]
    return plainValues.some((plain) => toJsonOf(plain) === toJsonOf(original)) ? original : json
  })
