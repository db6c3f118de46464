import { createApp } from 'vue'
import { readSite } from '../common/site.ts'
import Bindings from './bindings.vue'

createApp(Bindings, { site: readSite() }).mount('#app')
