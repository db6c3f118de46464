import { createHash } from 'node:crypto'
import { readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { transform } from 'esbuild'
import { minify } from 'terser'

const inDist = (path) => fileURLToPath(new URL(`./dist/${path}`, import.meta.url))

/** A module of lit, as a whole: our elements have no styles of lit's kind. */
const withoutStyles = {
  '../node_modules/@lit/reactive-element/css-tag.js': `
    export const getCompatibleStyle = (style) => style
    export const adoptStyles = () => undefined
    export class CSSResult {}
    export const css = undefined, unsafeCSS = undefined, supportsAdoptingStyleSheets = undefined`,
}

/**
 * What the script-tag build has in place of some of our modules: codes without sentences, no trace, nothing for servers, and no
 * classes of events, because the script exports none.
 */
const replaced = {
  'session/util/script-url.js': 'export const scriptUrl = import.meta.url',
  // A gateway serves its script as `ENDPOINT/v1/chat-session.js`.
  'session/util/endpoint-of-script.js':
    "export const endpointOfScript = /^(http[^?#]*)\\/v1\\/chat-session[^/]*\\.js/.exec(import.meta.url)?.[1] ?? ''",
  // A gateway serves a page of codes beside the script. A page that serves the script itself has none to link to. A gateway that is down
  // serves no page.
  'session/error-message.js': `
    import { endpointOfScript } from './util/endpoint-of-script.js'
    export const errorMessageOf = (code) =>
      code === 'unavailable' ? code + ': the gateway is down'
      : endpointOfScript ? \`\${code}: \${endpointOfScript}/v1/errors#\${code}\` : code`,
  'session/sentences.js': `
    export const sentences = {
      badEndpoint: 'endpoint',
      badId: 'id',
      badSince: (text) => 'chat-session: since ' + text,
      badToken: 'token',
      lateAnswer: 'late',
      lateToken: 'timeout',
      noToken: (status) => 'token-url ' + status + ', not 200 with a token',
      redirected: () => '<chat-session> token-url redirects: signed out',
    }`,
  'session/trace.js': 'export const traceStep = () => undefined',
  // The gateway that serves the script sends the frames too. From npm a client checks each field. JSON without a `type` has no frame in it.
  'session/transports/parse-frame.js': `
    export const parseFrame = (json) => {
      try {
        const frame = JSON.parse(json)
        return frame.type && { type: 'frame', frame }
      } catch {
        return { type: 'fatal', fault: { code: 'protocol-error' } }
      }
    }`,
  'element/events/event-map.js': 'export const createEvent = (type, init) => new CustomEvent(type, init)',
  // The first script loads the parts, whose scripts are built before it.
  'element/parts/parts.js': `export { loadPart } from './script-parts.js'`,
  'session/transports/load-race.js': `
    import { loadPart } from '../../element/parts/script-parts.js'
    export const loadRace = () => loadPart('stream')`,
  'session/calls/load-calls.js': `
    import { loadPart } from '../../element/parts/script-parts.js'
    export const loadCalls = () => loadPart('calls')`,
  'element/parts/part-table.js': () =>
    `export const partTable = ${JSON.stringify(partTable('chat-session', Object.keys(parts)))}`,
  ...withoutStyles,
}

/**
 * Puts other sources in the place of modules, by their path from dist/. A function makes the source when the module is loaded. The build
 * fails if there is no such module.
 */
const replace = (sources) => {
  let byId
  return {
    name: 'replace',
    buildStart() {
      // Rollup names a module by its real path, also if node_modules is a link.
      byId = new Map(Object.entries(sources).map(([path, source]) => [realpathSync(inDist(path)), source]))
    },
    load(id) {
      const source = byId.get(id)
      return (typeof source === 'function' ? source() : source) ?? null
    },
  }
}

/**
 * What a page loads by scripts of their own, with their modules in dist/. The first script has the name and the hash of each, and loads one
 * when an attribute or a tag asks for it: `src/element/parts/`.
 */
export const parts = {
  badge: 'element/badge/badge.js',
  calls: 'element/parts/calls.js',
  notifications: 'element/notifications/notifications.js',
  stream: 'session/transports/stream/create-race.js',
}

/**
 * What the window loads by scripts of their own: its languages besides English, what only a launcher and what only files need, and
 * ReactiveElement where no `<chat-session>` has it.
 */
const windowParts = {
  ...Object.fromEntries(
    ['ar', 'de', 'es', 'fr', 'ja'].map((language) => [language, `dist/window/words/${language}.js`]),
  ),
  launcher: 'dist/window/on-demand/launcher.js',
  upload: 'dist/window/on-demand/files.js',
  base: 'node_modules/@lit/reactive-element/reactive-element.js',
}

/** The script of a part under its name with a hash. `script-parts.ts` and `script-words.ts` make the same name of the same hash. */
const partFile = (script, name, hash) => `${script}-${name}-${hash.replace(/\W/g, '').slice(0, 8)}.js`

const integrityFile = inDist('cdn/integrity.json')

/** The integrity of each script in dist/cdn, by file name. */
export const readIntegrity = () => {
  try {
    return JSON.parse(readFileSync(integrityFile, 'utf8'))
  } catch (error) {
    // The first script of a build.
    if (error.code === 'ENOENT') return {}
    throw error
  }
}

/** The integrity of each built part of a script in base64, without the name of the algorithm, by the part's name. */
const partTable = (script, names) => {
  const files = Object.entries(readIntegrity())
  return Object.fromEntries(
    names.map((name) => {
      const [, integrity] = files.find(([file]) => file.startsWith(`${script}-${name}-`))
      return [name, integrity.slice('sha256-'.length)]
    }),
  )
}

/**
 * Notes the integrity of a script in dist/cdn/integrity.json, and gives the part `part` of `script` its name. The folder is empty before a
 * build.
 */
const integrity = (algorithm, script, part) => ({
  name: 'integrity',
  writeBundle(_options, bundle) {
    const [{ fileName, code }] = Object.values(bundle).filter(({ type }) => type === 'chunk')
    const hash = createHash(algorithm).update(code).digest('base64')
    const file = part ? partFile(script, part, hash) : fileName
    if (part) renameSync(inDist(`cdn/${fileName}`), inDist(`cdn/${file}`))
    const all = Object.entries({ ...readIntegrity(), [file]: `${algorithm}-${hash}` }).sort()
    writeFileSync(integrityFile, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`)
  },
})

/** What is only bundled needs no modules in dist/: its types are taken away as it is read. */
const typescript = {
  name: 'typescript',
  resolveId(source, importer) {
    if (!importer?.endsWith('.ts') || !source.startsWith('.')) return null
    const id = fileURLToPath(new URL(source.replace(/\.js$/, '.ts'), pathToFileURL(importer)))
    // Only the pages' own modules are imported for their effects: the playground bundles no second element.
    return { id, moduleSideEffects: /\/src\/pages\//.test(id) }
  },
  async transform(code, id) {
    if (!id.endsWith('.ts')) return null
    const { code: script, map } = await transform(code, {
      loader: 'ts',
      target: 'es2022',
      sourcefile: id,
      sourcemap: true,
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    })
    return { code: script, map }
  },
}

/** terser for one chunk, in this process: most scripts take less time than a worker takes to load terser. */
const terser = (options) => ({
  name: 'terser',
  async renderChunk(code, _chunk, { sourcemap }) {
    const { code: small, map } = await minify(code, {
      ...options,
      sourceMap: sourcemap && { asObject: true },
    })
    return { code: small, map: map ?? null }
  },
})

const compress = {
  passes: 4,
  unsafe_arrows: true,
  // Bodies that are put in the place of calls with arguments compress worse than the calls.
  inline: 1,
  // So do arrow functions in the place of methods, and constants that are put before what they are compared with.
  arrows: false,
  lhs_constants: false,
  // Nothing is read for what the reading does, and no function is asked how many arguments it takes.
  pure_getters: true,
  keep_fargs: false,
}

/** The window's script is smaller with these, and larger with what makes the first script smaller. */
const compressWindow = { inline: 2, arrows: true, lhs_constants: true }

const minified = (
  input,
  file,
  {
    format = 'es',
    sourcemap = true,
    sources = replaced,
    plugins = [],
    names = { mangle: true },
    more = {},
  } = {},
) => ({
  input,
  output: { file, format, sourcemap },
  plugins: [
    typescript,
    replace(sources),
    nodeResolve({ exportConditions: ['production', 'browser'] }),
    terser({ module: true, ecma: 2022, compress: { ...compress, ...more }, ...names }),
    ...plugins,
  ],
})

const part = (script, name, module, options) =>
  // SHA-256, whose text is shorter: it stands in the script.
  // Its modules are in the package: a map would only make the package larger.
  minified(module, `dist/cdn/${script}-${name}.js`, {
    ...options,
    sourcemap: false,
    plugins: [...(options.plugins ?? []), integrity('sha256', script, name)],
  })

/**
 * Members of the session's own objects. Nothing outside of the first script, the calls and the stream reads them, and neither the browser
 * nor lit has members of these names. So these scripts have shorter ones: the same in each, because they hand such objects to each other.
 */
export const sessionMembers = `
  withStart waiters updateParts superseded stored startFrame startAsFrame stableAt socket
  sleepGraceUsed becoming shared setStartProfile resumeStorage profileFields postSends news newKey
  members knownUserId isRunning isOfEarlierPage isAnswer idText held heartbeatDeadline giveBack
  follow fields fetched fetchable fetchFailures feed fault failures expiresAt endAfterOpen
  connectFailures emitError rejections discard desired deliver phase checks checkedCopy askForToken
  answered
`

const membersOf = (list) => list.trim().split(/\s+/)

/** Returns options of terser that give the members in a list shorter names. */
const mangleMembers = (list) => ({
  mangle: { properties: { regex: new RegExp(`^(${membersOf(list).join('|')})$`) } },
})

const letters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ']

/** Returns terser's cache of names in which the first member has the first letter, and so on. */
const lettered = (members) => {
  const props = {}
  for (const [index, name] of members.entries()) {
    if (!letters[index]) throw new Error(`There is no letter for ${name}.`)
    // Terser puts a dollar sign before the names in its cache.
    props[`$${name}`] = letters[index]
  }
  return { props: { props } }
}

/** As `mangleMembers`, for several scripts: a member has the same letter in each. */
const nameMembers = (list) => ({ ...mangleMembers(list), nameCache: lettered(membersOf(list)) })

/** The parts that hand objects of the session to the first script, or get them from it. */
const sessionParts = ['calls', 'stream']

/** The build of the first script; those of its parts are before it, because it has their hashes. */
export const firstScript = minified('dist/element/script.js', 'dist/cdn/chat-session.js', {
  // The gateway names the map in a header: its name would be 60 bytes of the script.
  sourcemap: 'hidden',
  // With three or four passes brotli finds less that repeats.
  more: { passes: 5 },
  names: {
    ...nameMembers(sessionMembers),
    // Chromium compiles the functions in the thread that reads the script. Without this line the main thread compiles each as it is called,
    // which is a third of its work, and a page with a user calls most of them.
    format: { preamble: '//# allFunctionsCalledOnLoad' },
  },
  plugins: [integrity('sha384')],
})

/** Returns the templates with the tag `html` below a node of a syntax tree, each as its parts. */
const templates = (node) => {
  if (typeof node !== 'object' || node === null) return []
  const own = node.type === 'TaggedTemplateExpression' && node.tag.name === 'html' ? [node.quasi.quasis] : []
  return [...own, ...Object.values(node).flatMap(templates)]
}

/** Returns the parts of a template without what is between things on lines of their own, which shows nothing. */
const shortParts = (parts) => {
  let isInTag = false
  return parts.map((part) => {
    const text = isInTag ? part : part.replace(/^\s*\n\s*/, '')
    isInTag = part.lastIndexOf('<') > part.lastIndexOf('>') || (isInTag && !part.includes('>'))
    return (isInTag ? text : text.replace(/\s*\n\s*$/, ''))
      .replace(/>\s*\n\s*|\s*\n\s*(?=[<>])/g, (space) => (space.startsWith('>') ? '>' : ''))
      .replace(/\s*\n\s*/g, ' ')
  })
}

/** Makes the window's templates and styles shorter. */
const shortTexts = {
  name: 'short-texts',
  async transform(code, id) {
    const [, folder] = /\/dist\/window\/(styles|views|on-demand)\//.exec(id) ?? []
    if (!folder) return null
    const changes = (folder === 'styles' ? [] : templates(this.parse(code))).flatMap((parts) => {
      const short = shortParts(parts.map(({ start, end }) => code.slice(start, end)))
      return parts.map(({ start, end }, index) => ({ start, end, text: short[index] }))
    })
    let short = code
    for (const { start, end, text } of changes.toSorted((one, other) => other.start - one.start))
      short = short.slice(0, start) + text + short.slice(end)
    if (folder !== 'styles') return { code: short, map: null }
    const texts = await Promise.all(
      [...code.matchAll(/`([^`]*)`/g)].map(([, text]) => transform(text, { loader: 'css', minify: true })),
    )
    return { code: code.replace(/`[^`]*`/g, () => `\`${texts.shift().code.trim()}\``), map: null }
  },
}

/** The modules of lit have one license, each with its year. It stands in the window's script once. */
const oneLicense = {
  name: 'one-license',
  renderChunk(code) {
    let isFirst = true
    const short = code.replace(/\/\*\*\s+\* @license[^]*?\*\/\s*/g, (license) => {
      const kept = isFirst ? license : ''
      isFirst = false
      return kept
    })
    return { code: short, map: null }
  },
}

/**
 * Members of the window's own objects. Nothing outside of its script reads them, and neither the browser nor lit has members of these names,
 * so the script has shorter ones. Those that it names most often come first, and get one letter.
 */
export const ownMembers = `
  model account shown outgoing field items ownPeer failure tags status isSeen isOwn isTooLong
  conversations nameOf isLoaded newAfter focusNext threads isListed isOnline uploads announcement
  times typed arrived hasOlder loadFiles startOffset canUpload clock hasError isDrawn isEmpty
  lastShown leave pressed seeEnd drafts drawnMessage follow hasData isEndSeen isFirst isLast
  isTyping listFailure loadOlder setTexts brief drawnPeer fillField followLink inactive isLeft
  loadMore scrollToEnd searchFor speak
`

/** Members that lit has for itself. What ReactiveElement (`_$E…`) and templates (`_$lit…`) have is used by other scripts, too. */
const litMembers = String.raw`_\$(?!E|lit)\w+`

/** A template is what lit's `html` returns, so the window's parts make theirs without lit: the window's script draws them. */
const replacedInWindowParts = {
  ...withoutStyles,
  'window/lit.js': `
    export const nothing = Symbol.for('lit-nothing')
    export const html = (strings, ...values) => ({ _$litType$: 1, strings, values })`,
}

/** What the window's script has in place of some of our modules: its languages are scripts of their own. */
const replacedInWindow = {
  ...withoutStyles,
  'window/event-classes.js': 'export const createEvent = (type, init) => new CustomEvent(type, init)',
  'window/server-shim.js': 'export const removeShim = () => undefined',
  'window/on-demand/load.js': `export * from '../parts/script-on-demand.js'`,
  'window/words/load-words.js': `export * from '../parts/script-words.js'`,
  'window/parts/part-table.js': () =>
    `export const partTable = ${JSON.stringify(partTable('chat-window', Object.keys(windowParts)))}`,
  '../node_modules/@lit/reactive-element/reactive-element.js': `export * from '${inDist('window/parts/script-base.js')}'`,
}

/** What is built one after the other, and beside the other lists: a script has the hashes of its parts. */
export const lanes = [
  [
    ...Object.entries(parts).map(([name, module]) =>
      part('chat-session', name, `dist/${module}`, {
        names: sessionParts.includes(name) ? nameMembers(sessionMembers) : undefined,
      }),
    ),
    firstScript,
    // A classic script, for `importScripts`.
    minified('dist/element/notifications/worker.js', 'dist/cdn/chat-session-worker.js', { format: 'iife' }),
  ],
  [
    // An install of the package has no lit: the window's modules share this one, with what they use of lit. The base class stays outside,
    // because the element uses it, too.
    {
      input: 'src/window/lit.ts',
      output: { file: 'dist/window/lit.js', format: 'es' },
      external: [/server-shim/, '@lit/reactive-element'],
      plugins: [typescript, nodeResolve({ exportConditions: ['production', 'browser'] })],
    },
    ...Object.entries(windowParts).map(([name, module]) =>
      part('chat-window', name, module, { sources: replacedInWindowParts, plugins: [shortTexts] }),
    ),
    // Its modules are in the package: with a map an install would be larger than 20 MB.
    minified('dist/window/script.js', 'dist/cdn/chat-window.js', {
      more: compressWindow,
      sourcemap: false,
      sources: replacedInWindow,
      names: {
        ...mangleMembers(`${ownMembers} ${litMembers}`),
        nameCache: lettered(membersOf(ownMembers).slice(0, letters.length)),
      },
      plugins: [shortTexts, oneLicense, integrity('sha384')],
    }),
  ],
  // No page of the operator's own loads them: a map would only make the package larger. Their elements have styles of lit's kind.
  ['playground', 'console'].map((page) =>
    minified(`src/pages/${page}/main.ts`, `dist/pages/${page}/${page}.js`, { sourcemap: false, sources: {} }),
  ),
]

export default lanes.flat()
