// `npm start` of this folder: runs the pages and their gateway, and prints the addresses.
import { startFrameworkPages } from './pages.mjs'

const pages = await startFrameworkPages({ port: Number(process.env.PORT ?? 0) })
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void pages.close())
console.log(`listening on ${pages.url}

  ${['react', 'vue', 'svelte', 'angular', 'plain', 'turbo', 'htmx'].map((name) => `${pages.url}/${name}`).join('\n  ')}
`)
