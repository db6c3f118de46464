/* The script-tag build has this module in the place of client/load-uploads.ts. */
import { loadPart } from './load-part.js'

export const loadUploads = (): Promise<unknown> => loadPart('upload')
