// Follows the guide of `chat-session init` in apps of Vite, up to the page that says `active`.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import { followInit, lookAt, type Followed } from '../../support/sites/init-guide.js'
import { until } from '../../support/until.js'

const demo = fileURLToPath(new URL('../../../demo/frameworks/', import.meta.url))

interface App {
  /** The dependency by which init recognizes it. */
  dependency: string
  /** What the newcomer imports, and uses in `plugins`, for the framework. */
  config?: { imports: string; plugin?: string; rest?: string }
  /** The newcomer's first script, which draws the printed component. */
  main?: { file: string; code: (use: string) => string }
}

const apps: Record<string, App> = {
  'Vite with React': {
    dependency: 'react',
    config: { imports: '', rest: `esbuild: { jsx: 'automatic' },` },
    main: {
      file: 'main.tsx',
      code: (use) => `import { createRoot } from 'react-dom/client'
import { Chat } from './Chat'
createRoot(document.querySelector('#app')).render(${use})`,
    },
  },
  'Vite with Vue': {
    dependency: 'vue',
    config: {
      imports: `import vue from '@vitejs/plugin-vue'`,
      plugin: `vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === 'chat-session' } } })`,
    },
    main: {
      file: 'App.vue',
      code: (use) => `<script setup>\nimport Chat from './Chat.vue'\n</script>\n<template>${use}</template>`,
    },
  },
  'Vite with Svelte': {
    dependency: 'svelte',
    config: {
      imports: `import { svelte } from '@sveltejs/vite-plugin-svelte'`,
      plugin: 'svelte({ configFile: false })',
    },
    main: {
      file: 'App.svelte',
      code: (use) => `<script>\nimport Chat from './Chat.svelte'\n</script>\n${use}`,
    },
  },
  Vite: { dependency: 'lit' },
}

const mounts: Record<string, string> = {
  'main.tsx': `import './main.tsx'`,
  'App.vue': `import { createApp } from 'vue'; import App from './App.vue'; createApp(App).mount('#app')`,
  'App.svelte': `import { mount } from 'svelte'; import App from './App.svelte'; mount(App, { target: document.querySelector('#app') })`,
}

/** Returns the newcomer's index.html: with the printed tag, or with a script that draws the printed component. */
const documentOf = ({ main }: App, { blocks, codeOf }: Followed): string => {
  if (main) return `<!doctype html><div id="app"></div><script type="module" src="./start.js"></script>`
  const printed = (text: string): string => blocks.find(({ code }) => code.startsWith(text))?.code ?? ''
  return `<!doctype html><head>${printed('<script type="module" async')}</head>
<body>${printed('<chat-session')}${codeOf('chat-try.html')}</body>`
}

const write = async (page: Page): Promise<void> => {
  if ((await page.getByLabel('Message').count()) === 0)
    return page.getByRole('button', { name: 'Write to myself' }).click()
  await page.getByLabel('Message').fill('Hello')
  await page.getByRole('button', { name: 'Send' }).click()
}

for (const [name, app] of Object.entries(apps))
  test(`${name}: a newcomer who follows the guide of init sees a page that is active, writes and gets the message`, async () => {
    const { dependency, config, main } = app
    // In this folder Vite and the framework are found.
    const folder = join(demo, `dist/newcomers/${dependency}`)
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const put = (file: string, text: string): void => writeFileSync(join(folder, file), text)
    put(
      'package.json',
      JSON.stringify({ type: 'module', dependencies: { [dependency]: '1' }, devDependencies: { vite: '7' } }),
    )
    const guide = await followInit(folder)
    const use = guide.blocks.find(({ code }) => code.startsWith('<Chat '))?.code ?? ''
    put('index.html', documentOf(app, guide))
    if (main) {
      put(main.file, main.code(use))
      put('start.js', mounts[main.file] ?? '')
    }
    put(
      'vite.config.js',
      `${config?.imports ?? ''}
import { chatTokenPlugin } from './chat-token-vite.js'
export default {
  ${config?.rest ?? ''}
  cacheDir: './.vite',
  plugins: [chatTokenPlugin(), ${config?.plugin ?? ''}],
}`,
    )
    const vite = spawn(
      process.execPath,
      [
        join(demo, 'node_modules/vite/bin/vite.js'),
        '--port',
        String(guide.port),
        '--strictPort',
        '--host',
        '127.0.0.1',
      ],
      { cwd: folder, env: { ...process.env, ...guide.env }, stdio: ['ignore', 'ignore', 'inherit'] },
    )
    after(() => vite.kill('SIGKILL'))
    const url = `http://127.0.0.1:${guide.port}/`
    await until('Vite answers', () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    await lookAt(await (await newContext()).newPage(), url, write)
  })
