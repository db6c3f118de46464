// The types in dist/rest-client/calls.d.ts, which the build writes: interfaces with the descriptions of the OpenAPI document, in place of the
// types that src/rest-client/calls.ts infers from the schemas.
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

const file = fileURLToPath(new URL('../../src/rest-client/calls.ts', import.meta.url))

const comment = (...texts) => {
  const text = texts.filter(Boolean).join(' ')
  return text === '' ? '' : `/** ${text} */\n`
}

/** Returns the TypeScript type of a schema. */
const typeOf = (schema) => {
  if (schema.$ref) return schema.$ref.split('/').at(-1)
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ')
  if ('const' in schema) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  switch (schema.type) {
    case 'integer':
    case 'number':
      return 'number'
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type
    case 'array':
      return `(${typeOf(schema.items)})[]`
    case 'object':
      return schema.properties ? objectOf(schema) : `Record<string, ${valueOf(schema)}>`
    default:
      throw new Error(`The generator knows no ${JSON.stringify(schema)}.`)
  }
}

const valueOf = ({ additionalProperties }) =>
  typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'unknown'

const describe = (schema) =>
  schema.description ?? schema.anyOf?.find(({ description }) => description)?.description

const field = (name, schema, isRequired) =>
  `${comment(describe(schema))}${name}${isRequired ? '' : '?'}: ${typeOf(schema)}${isRequired ? '' : ' | undefined'}\n`

const objectOf = ({ properties, required = [] }) =>
  `{ ${Object.entries(properties)
    .map(([name, schema]) => field(name, schema, required.includes(name)))
    .join('')} }`

const bodyOf = ({ content } = {}) => content?.['application/json']?.schema

/** Returns the calls of the document: their name, parameters, body and answer. */
const callsOf = ({ paths }) =>
  Object.values(paths).flatMap((operations) =>
    Object.values(operations)
      .filter(({ security }) => security === undefined)
      .map(({ operationId, summary, description, parameters, requestBody, responses }) => ({
        name: operationId,
        summary,
        description,
        parameters: parameters.filter(({ name }) => name !== 'app'),
        body: bodyOf(requestBody),
        answers: [
          ...new Set(
            Object.entries(responses)
              .filter(([status]) => status.startsWith('2'))
              .map(([, response]) => bodyOf(response))
              .map((schema) => (schema ? typeOf(schema) : 'void')),
          ),
        ],
      })),
  )

const methodOf = ({ name, summary, description, parameters, body, answers }) => {
  const isOptional = !body && parameters.every(({ required }) => !required)
  const fields = [
    ...parameters.map(({ name, description, required, schema }) =>
      field(name, { description, ...schema }, required),
    ),
    ...(body ? [field('body', body, true)] : []),
    'signal?: AbortSignal | undefined\n',
  ]
  return `${comment(`${summary}.`, description)}${name}(input${isOptional ? '?' : ''}: { ${fields.join('')} }): Promise<${answers.join(' | ')}>\n`
}

/** Returns the types of the client, and after them the table of operations as the compiler has declared it in `operations`. */
export const restTypes = async (document, operations) => {
  const schemas = Object.entries(document.components.schemas)
  const text = `${schemas.map(([name, schema]) => `${comment(schema.description)}export interface ${name} ${objectOf(schema)}`).join('\n\n')}

/** The calls of the REST API. */
export interface RestCalls {
${callsOf(document).map(methodOf).join('\n')}
}
`
  const types = await format(text, { ...(await resolveConfig(file)), filepath: file })
  return types + /^export declare const operations[^]*?^};\n/m.exec(operations)[0]
}
