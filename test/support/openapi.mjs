// The tools that compare the OpenAPI document with its standard, and answers with the document.
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv2020 } from 'ajv/dist/2020.js'

/** Returns the problems of a document, one line each. */
export const lint = async (json) => {
  const config = await createConfig({ extends: ['recommended-strict'] })
  const problems = await lintFromString({ source: json, absoluteRef: 'openapi.json', config })
  return problems.map(
    ({ ruleId, message, location }) =>
      `${ruleId} at ${location.map(({ pointer }) => pointer).join()}: ${message}`,
  )
}

/** Returns a function that compares a body with the schema at a pointer of the document. It returns the problem, or undefined. */
export const createValidator = (document) => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema({ ...document, $id: 'openapi.json' })
  return (pointer, body) => {
    const validate = ajv.getSchema(`openapi.json#${pointer}`)
    return validate(body) ? undefined : ajv.errorsText(validate.errors)
  }
}
