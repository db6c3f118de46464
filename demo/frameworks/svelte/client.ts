import { hydrate } from 'svelte'
import { readSite } from '../common/site.ts'
import App from './app.svelte'

const target = document.querySelector('#app')
if (target) hydrate(App, { target, props: { site: readSite() } })
