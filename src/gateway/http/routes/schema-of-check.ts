type Check = (value: unknown) => boolean
type Json = Record<string, unknown>
type Described = [sample: unknown, schema: Json]

const simple: Described[] = [
  ['', { type: 'string' }],
  [0.5, { type: 'number' }],
  [0, { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }],
  [false, { type: 'boolean' }],
  [true, { const: true }],
]

const describeObject = (check: Check): Described => {
  const sample: Json = {}
  const schema = { type: 'object', properties: {} as Json, required: [] as string[] }
  /** Returns the first field that the check reads and does not find, else whether it accepts the object. It stops at a wrong field. */
  const ask = (object: Json): string | boolean => {
    let missing: string | undefined
    const get = (_: Json, name: string): unknown => {
      if (!(name in object)) missing ??= name
      return object[name]
    }
    const isAccepted = check(new Proxy(object, { get }))
    return missing ?? isAccepted
  }
  for (let name = ask(sample); typeof name === 'string'; name = ask(sample)) {
    const field = name
    const takes: Check = (value) => ask({ ...sample, [field]: value }) !== false
    ;[sample[field], schema.properties[field]] = describeCheck(takes)
    if (!takes(undefined)) schema.required.push(field)
  }
  return [sample, schema]
}

/**
 * Returns a value that a check accepts, and the JSON Schema of all such values, by calling the check with samples. The checks are part of
 * the script that every page loads, so descriptions beside them would make the script larger.
 */
export const describeCheck = (check: Check): Described => {
  if (check(null)) {
    const [, schema] = describeCheck((value) => value !== null && check(value))
    return [null, { ...schema, type: [schema['type'], 'null'] }]
  }
  const found = simple.find(([sample]) => check(sample))
  if (found) return found
  if (check([])) return [[], { type: 'array', items: describeCheck((item) => check([item]))[1] }]
  const isRecord = check({ any: '' }) && !check({ any: 0 })
  return isRecord ? [{}, { type: 'object', additionalProperties: { type: 'string' } }] : describeObject(check)
}
