// Writes src/rest-client/calls.ts, the types of the REST client, from the OpenAPI document of the built gateway:
// npm run build && node scripts/build/rest-types.mjs
import { writeFile } from 'node:fs/promises'
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

/** Returns the calls of the document: their name, method, path, parameters, body and answer. */
const callsOf = ({ paths }) =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { security }]) => security === undefined)
      .map(([method, { operationId, summary, description, parameters, requestBody, responses }]) => ({
        name: operationId,
        method: method.toUpperCase(),
        path,
        summary,
        description,
        parameters: parameters.filter(({ name }) => name !== 'app'),
        body: bodyOf(requestBody),
        emptyStatus: Object.keys(responses).find(
          (status) => status.startsWith('2') && !bodyOf(responses[status]),
        ),
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

const operationOf = ({ name, method, path, parameters, emptyStatus }) => {
  const query = parameters.filter((parameter) => parameter.in === 'query').map((parameter) => parameter.name)
  return `${name}: { method: '${method}', path: '${path}', query: ${JSON.stringify(query)}${emptyStatus ? `, emptyStatus: ${emptyStatus}` : ''} },\n`
}

/** Returns the text of src/rest-client/calls.ts. */
export const restTypes = async (document) => {
  const calls = callsOf(document)
  const schemas = Object.entries(document.components.schemas)
  const text = `// Made from the OpenAPI document by scripts/build/rest-types.mjs.

${schemas.map(([name, schema]) => `${comment(schema.description)}export interface ${name} ${objectOf(schema)}`).join('\n\n')}

/** The calls of the REST API. */
export interface RestCalls {
${calls.map(methodOf).join('\n')}
}

/** Where each call goes, and the status of its success if that has no body. */
export const operations = {
${calls.map(operationOf).join('')}
} as const satisfies Record<
  keyof RestCalls,
  { method: string; path: string; query: readonly string[]; emptyStatus?: number }
>
`
  return format(text, { ...(await resolveConfig(file)), filepath: file })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { openApiDocument } = await import('../../dist/gateway/rest/openapi.js')
  await writeFile(file, await restTypes(openApiDocument()))
}
