import { createSSRApp } from 'vue'
import { readSite } from '../common/site.ts'
import App from './app.vue'

createSSRApp(App, { site: readSite() }).mount('#app')
