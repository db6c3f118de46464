import { createSSRApp } from 'vue'
import { renderToString } from 'vue/server-renderer'
import type { Site } from '../common/site.ts'
import App from './app.vue'

export const render = (site: Site): Promise<string> => renderToString(createSSRApp(App, { site }))
