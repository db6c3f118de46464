import type { Page } from 'playwright-core'
import { newContext } from '../browsers/browser.js'
import { complaintsOf } from './page-state.js'

/** The operators' console in a browser. */
export interface ConsolePage {
  page: Page
  /** Errors in the console, exceptions, and violations of the Content-Security-Policy. */
  problems: string[]
  /** Logs in and waits for the overview. */
  logIn(token: string): Promise<void>
  /** Opens the page of a fragment, such as `/apps/app/users`. */
  open(fragment: string): Promise<void>
  close(): Promise<void>
}

/** Opens the console of an admin listener. */
export const openConsole = async (url: string): Promise<ConsolePage> => {
  const context = await newContext()
  const page = await context.newPage()
  const problems = complaintsOf(page)
  await page.goto(`${url}/`)
  return {
    page,
    problems,
    logIn: async (token) => {
      await page.getByLabel('Admin token').fill(token)
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
    },
    open: async (fragment) => {
      await page.goto(`${url}/#${fragment}`)
    },
    close: () => context.close(),
  }
}
