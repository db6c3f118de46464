import { mount } from 'svelte'
import { readSite } from '../common/site.ts'
import Bindings from './bindings.svelte'

const target = document.querySelector('#app')
if (target) mount(Bindings, { target, props: { site: readSite() } })
