// The tools that compare the OpenAPI and AsyncAPI documents with their standards, and answers and frames with the documents.
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv2020 } from 'ajv/dist/2020.js'

/** Returns the problems of a document, one line each. `rules` changes rules of the linter, as `{ 'security-defined': 'off' }`. */
export const lint = async (json, rules = {}) => {
  const config = await createConfig({ extends: ['recommended-strict'], rules })
  const problems = await lintFromString({ source: json, absoluteRef: 'document.json', config })
  return problems.map(
    ({ ruleId, message, location }) =>
      `${ruleId} at ${location.map(({ pointer }) => pointer).join()}: ${message}`,
  )
}

/** Returns a function that compares a value with the schema at a pointer of the document. It returns the problem, or undefined. */
export const createValidator = (document) => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema({ ...document, $id: 'document.json' })
  return (pointer, value) => {
    const validate = ajv.getSchema(`document.json#${pointer}`)
    return validate(value) ? undefined : ajv.errorsText(validate.errors)
  }
}
