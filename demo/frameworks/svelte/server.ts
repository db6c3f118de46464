import { render as rendered } from 'svelte/server'
import type { Site } from '../common/site.ts'
import App from './app.svelte'

export const render = (site: Site): string => rendered(App, { props: { site } }).body
