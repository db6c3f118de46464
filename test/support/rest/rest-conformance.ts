// Compares the answers of a gateway with the OpenAPI document.
import assert from 'node:assert/strict'
import { openApiDocument } from '../../../src/gateway/rest/openapi.js'
import { createValidator } from './openapi.mjs'

interface Operation {
  operationId: string
  responses: Record<string, { content?: Record<string, unknown>; headers?: Record<string, unknown> }>
}

const document = openApiDocument() as { paths: Record<string, Record<string, Operation>> }
const validate = createValidator(document)

const escape = (text: string): string => text.replaceAll('~', '~0').replaceAll('/', '~1')

/** The paths of the document, with a pattern for each. */
const paths = Object.entries(document.paths).map(
  ([path, operations]) =>
    [
      path,
      new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`),
      operations,
    ] as const,
)

/** Every answer that a test has seen, as `operation status`. */
export const seen = new Set<string>()

/** Every successful answer in the document, as `operation status`. */
export const documented: string[] = Object.values(document.paths).flatMap((operations) =>
  Object.values(operations).flatMap(({ operationId, responses }) =>
    Object.keys(responses)
      .filter((status) => status.startsWith('2'))
      .map((status) => `${operationId} ${status}`),
  ),
)

/** Asserts that the document has this answer. Requests that no call of the document matches are answered with 404 or 405. */
export const assertConforms = (
  method: string,
  path: string,
  { status, headers, body }: { status: number; headers: Headers; body: unknown },
): void => {
  const name = `${method} ${path} ${status}`
  const type = headers.get('content-type')
  if (status >= 400) {
    assert.equal(type, 'application/problem+json', name)
    assert.equal(validate('/components/schemas/Problem', body), undefined, name)
    assert.equal((body as { status: number }).status, status, name)
  }
  const literal = (path.split('?')[0] ?? '').replace(/%3A(?=status$)/i, ':')
  const found = paths.find(([, pattern]) => pattern.test(literal))
  const [template = '', , operations] = found ?? []
  const operation = operations?.[method.toLowerCase()]
  if (!operation) return assert.ok([404, 405].includes(status), name)
  seen.add(`${operation.operationId} ${status}`)
  const response = operation.responses[status]
  assert.ok(response, `${name} is not in the document`)
  for (const header of Object.keys(response.headers ?? {}))
    assert.ok(headers.has(header) || status === 503, `${name} has the header ${header}`)
  if (!response.content) return assert.equal(body, undefined, name)
  const [documentedType = ''] = Object.keys(response.content)
  assert.equal(type, documentedType, name)
  const pointer = `/paths/${escape(template)}/${method.toLowerCase()}/responses/${status}/content/${escape(documentedType)}/schema`
  assert.equal(validate(pointer, body), undefined, name)
  const { code } = (body ?? {}) as { code?: string }
  if (status >= 400)
    assert.ok((response as { description?: string }).description?.includes(`\`${code}\``), `${name} ${code}`)
}
