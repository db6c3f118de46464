import { render as rendered } from 'svelte/server'
import type { Site } from '../common/site.ts'
import Values from './values.svelte'

export const render = (site: Site): string => rendered(Values, { props: { site } }).body
