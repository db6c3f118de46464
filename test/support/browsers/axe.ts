import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Returns the violations that axe finds, each with its elements. */
const violationsOf = async (page: Page): Promise<string[]> => {
  // The debugger evaluates axe once for each document, so that the page's Content-Security-Policy does not block it.
  if (!(await page.evaluate(`'axe' in window`))) await page.evaluate(axe)
  // A list of the rules that pass would take as long again.
  const violations = await page.evaluate<AxeResults['violations']>(
    `axe.run(document, { reporter: 'no-passes' }).then(({ violations }) => violations)`,
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, html }) => `${id}: ${String(target)} ${html.slice(0, 100)}`),
  )
}

/** Fails if axe finds a violation in light or dark mode, or if the page is wider than its window. */
export const assertAccessible = async (page: Page, what: string): Promise<void> => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    assert.deepEqual(await violationsOf(page), [], `${what}, ${colorScheme}`)
  }
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  assert.equal(content, window, `${what} is as wide as the window`)
}
