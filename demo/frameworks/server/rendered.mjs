import { readFile } from 'node:fs/promises'
import { Hono } from 'hono'
import { createHtmxPages } from '../htmx/pages.mjs'
import { createPlainPages } from '../plain/pages.mjs'
import { createTurboPages } from '../turbo/pages.mjs'

/** The scripts of these pages. They need no build. */
const scripts = {
  'chat.js': '../rendered/chat.js',
  'turbo.js': '../node_modules/@hotwired/turbo/dist/turbo.es2017-esm.js',
  'parse-html.js': '../htmx/parse-html.js',
  'htmx.js': '../node_modules/htmx.org/dist/htmx.min.js',
}

/**
 * Returns the routes of the pages in plain HTML, Turbo and htmx.
 * @param {(context: import('hono').Context) => Promise<import('./pages.d.mts').Site>} siteOf
 */
export const createRenderedPages = (siteOf) => {
  const routes = new Hono()
  for (const [name, path] of Object.entries(scripts))
    routes.get(`/scripts/${name}`, async (context) =>
      context.body(await readFile(new URL(path, import.meta.url)), 200, {
        'content-type': 'text/javascript; charset=utf-8',
      }),
    )
  for (const create of [createPlainPages, createTurboPages, createHtmxPages])
    routes.route('/', create(siteOf))
  return routes
}
