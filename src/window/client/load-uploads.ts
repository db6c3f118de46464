import type * as Uploads from './uploads.js'

/** Loads what only a page with files needs. The script-tag build replaces this module by one that loads a script. */
export const loadUploads = (): Promise<typeof Uploads> => import('./uploads.js')
