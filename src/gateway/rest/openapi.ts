import { toJsonSchema, toJsonSchemaDefs, type ConversionConfig } from '@valibot/to-json-schema'
import type * as v from 'valibot'
import { VERSION } from '../../protocol/index.js'
import { jsonObject, pathParams, profileBody, schemas } from '../../rest-client/internal.js'
import type { Call } from './call.js'
import { calls } from './calls/calls.js'
import { errorStatus, type CallErrorCode } from './errors.js'

type Json = Record<string, unknown>

const [profileCheck] = profileBody.pipe

const config = (typeMode: 'input' | 'output'): ConversionConfig => ({
  target: 'draft-2020-12',
  typeMode,
  definitions: schemas,
  ignoreActions: ['check', 'transform'],
  overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  overrideSchema: ({ valibotSchema }) => {
    if (valibotSchema === jsonObject) return { type: 'object', additionalProperties: true }
    return valibotSchema === profileCheck ? { $ref: '#/components/schemas/Profile' } : undefined
  },
})

/**
 * Returns a schema for the document. For a schema with a name it returns a reference, because the document's components have the schema.
 */
const schemaOf = (schema: v.GenericSchema, typeMode: 'input' | 'output' = 'input'): Json => {
  const name = Object.entries(schemas).find(([, each]) => each === schema)?.[0]
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` }
  const entries = Object.entries(toJsonSchema(schema, config(typeMode)))
  return Object.fromEntries(entries.filter(([key]) => key !== '$schema' && key !== '$defs'))
}

const parameterOf = (place: 'path' | 'query', name: string, schema: v.GenericSchema): Json => {
  // The schema of a parameter turns its text into a value. The document describes the value.
  const { description, ...rest } = schemaOf(schema, 'output')
  return { name, in: place, required: place === 'path', description, schema: rest }
}

const rateHeaders = {
  RateLimit: { $ref: '#/components/headers/RateLimit' },
  'RateLimit-Policy': { $ref: '#/components/headers/RateLimitPolicy' },
}

/** Returns the codes of a call's failures. */
const errorsOf = (call: Call): readonly CallErrorCode[] => {
  const codes: CallErrorCode[] = ['bad-request', 'unauthenticated', 'refused', 'unknown-app', ...call.errors]
  if (call.body) codes.push('too-large', 'unsupported-media-type')
  return [...codes, 'rate-limited', 'unavailable']
}

const problemResponse = (codes: readonly CallErrorCode[], headers: Json = {}): Json => ({
  description: codes.map((code) => `\`${code}\``).join(', '),
  headers,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
})

const problemsOf = (call: Call): Json => {
  const codes = [...new Set(errorsOf(call))]
  const statuses = [...new Set(codes.map((code) => errorStatus[code]))]
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      problemResponse(
        codes.filter((code) => errorStatus[code] === status),
        {
          ...(status !== 401 && rateHeaders),
          ...([429, 503].includes(status) && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }),
        },
      ),
    ]),
  )
}

const operationOf = (call: Call): Json => ({
  operationId: call.id,
  tags: [call.tag],
  summary: call.summary,
  ...(call.description !== undefined && { description: call.description }),
  parameters: [
    ...[...call.path.matchAll(/\{(\w+)\}/g)].map(([, name]) =>
      parameterOf('path', name ?? '', pathParams[name as keyof typeof pathParams]),
    ),
    ...Object.entries(call.query).map(([name, schema]) => parameterOf('query', name, schema)),
  ],
  ...(call.body && {
    requestBody: {
      required: true,
      content: { 'application/json': { schema: schemaOf(call.body), example: call.example } },
    },
  }),
  responses: {
    ...Object.fromEntries(
      Object.entries(call.answers).map(([status, description]) => [
        status,
        {
          description,
          headers: rateHeaders,
          ...(call.answer && { content: { 'application/json': { schema: schemaOf(call.answer) } } }),
        },
      ]),
    ),
    ...problemsOf(call),
  },
})

const header = (description: string): Json => ({ description, schema: { type: 'string' } })

/**
 * Returns the OpenAPI 3.1 document of the REST API. The build calls this function, and a gateway serves what the build has written. So the
 * package has neither this module nor the library that makes schemas.
 */
export const openApiDocument = (): Json => {
  const paths: Record<string, Json> = {}
  for (const call of calls) paths[call.path] = { ...paths[call.path], [call.method]: operationOf(call) }
  paths['/v1/openapi.json'] = {
    get: {
      operationId: 'getOpenApi',
      tags: ['App'],
      summary: 'This document',
      security: [],
      responses: {
        200: {
          description: 'The document.',
          content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } },
        },
        429: problemResponse(['rate-limited']),
      },
    },
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'chat-session',
      version: VERSION,
      description:
        'The REST API of a chat-session gateway, for the backends of its apps. Percent-encode the ids in paths. Times are Unix milliseconds; `within` and `issuedBefore` are seconds. A change is durable before its 2xx answer.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The gateway that serves this document.' }],
    security: [{ appToken: [] }],
    tags: [
      { name: 'Sessions', description: 'Log users out, and see their sessions.' },
      { name: 'Users', description: 'Create, read and delete users, and see who is online.' },
      { name: 'Messages', description: 'Send messages, and read inboxes.' },
      { name: 'App', description: 'The app as a whole.' },
    ],
    paths,
    components: {
      securitySchemes: {
        appToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'A JWT with `tokenType: "app"`, `iss` (the app’s id) and `exp`, signed by HS256 with one of the app’s `secrets`. It reaches that app alone.',
        },
      },
      headers: {
        RateLimit: header('How many calls are left now, for example `"restPerSecond";r=999;t=1`.'),
        RateLimitPolicy: header(
          'How many calls the app may make in a second, for example `"restPerSecond";q=1000;w=1`.',
        ),
        RetryAfter: header('Seconds after which the call can be sent again.'),
      },
      schemas: toJsonSchemaDefs(schemas, config('input')),
    },
  }
}
