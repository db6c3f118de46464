/** A check of `protocol/schema.ts`: a function, which has no description of the values that it accepts. */
type Check = (value: unknown) => boolean
type Json = Record<string, unknown>

interface Described {
  /** JSON Schema, draft 7. */
  schema: Json
  /** A value that the check accepts. */
  sample: unknown
}

/** A name that no field has. If the fields of an object may have any names, the object's check also reads a field of this name. */
const FREE_NAME = ' '

/** Calls `check` with an object. Returns whether the check accepts the object, and the first missing field that the check read. */
const ask = (check: Check, object: Json): { takes: boolean; asksFor: string | undefined } => {
  let asksFor: string | undefined
  const recording = new Proxy(object, {
    get: (fields, name) => {
      if (!(name in fields)) asksFor ??= String(name)
      return fields[name as string]
    },
  })
  return { takes: check(recording), asksFor }
}

/**
 * Describes the fields of objects. A check of an object reads one field after another, and stops at the first wrong field. So the value of
 * a field is right if the check accepts the object or goes on to a missing field.
 */
const describeFields = (check: Check): Described => {
  const properties: Json = {}
  const required: string[] = []
  const sample: Json = {}
  for (let name = ask(check, sample).asksFor; name !== undefined; name = ask(check, sample).asksFor) {
    const field = name
    const takes: Check = (value) => {
      const answer = ask(check, { ...sample, [field]: value })
      return answer.takes || answer.asksFor !== undefined
    }
    const described = describeCheck(takes)
    const isOptional = takes(undefined)
    properties[field] = described.schema
    if (!isOptional) required.push(field)
    sample[field] = isOptional ? undefined : described.sample
  }
  if (Object.keys(properties).length > 0)
    return { schema: { ...(required.length > 0 && { required }), properties }, sample }
  if (!check({}) || check({ [FREE_NAME]: Symbol() })) return { schema: {}, sample }
  const values = describeCheck((value) => check({ [FREE_NAME]: value }))
  return { schema: { additionalProperties: values.schema }, sample }
}

const describeNumber = (check: Check): Json => ({
  type: check(0.5) ? 'number' : 'integer',
  ...(!check(-1) && { minimum: 0 }),
  ...(!check(Number.MAX_SAFE_INTEGER + 1) && { maximum: Number.MAX_SAFE_INTEGER }),
})

/**
 * Describes the values that a check accepts, by calling it with samples. The checks are part of the script that every page loads, so
 * descriptions beside them would make the script larger. Throws an `Error` if a check accepts none of the samples.
 */
export const describeCheck = (check: Check): Described => {
  const describe = (): Described | undefined => {
    if (check('')) return { schema: { type: 'string' }, sample: '' }
    if (check(0)) return { schema: describeNumber(check), sample: 0 }
    if (check(true))
      return { schema: { type: 'boolean', ...(!check(false) && { const: true }) }, sample: true }
    if (check([])) {
      const items = describeCheck((item) => check([item]))
      return { schema: { type: 'array', items: items.schema }, sample: [] }
    }
    const { schema, sample } = describeFields(check)
    return check(sample) ? { schema: { type: 'object', ...schema }, sample } : undefined
  }
  const described = describe()
  if (!described) throw new Error('A check takes no text, number, true, array or object.')
  if (!check(null)) return described
  return { schema: { ...described.schema, type: [described.schema['type'], 'null'] }, sample: null }
}
