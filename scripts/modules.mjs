// The modules of src/ and the arrows between them. Lint, the tests of modules and the picture in ARCHITECTURE.md read this table.
import { dirname, join, normalize, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const src = fileURLToPath(new URL('../src', import.meta.url))

const engineRecords = [
  'engine/events',
  'engine/inbox-records',
  'engine/push',
  'engine/records',
  'engine/webhook-events',
]
const engineInterface = [
  'engine/engine',
  ...engineRecords,
  'engine/errors',
  'engine/lifecycle',
  'engine/listeners',
  'engine/transfer',
  'engine/user-key',
]
/** What the parts of the engines of one process import besides each other. */
const exclusive = [...engineInterface, 'engine/decide', 'engine/rules', 'engine/util', 'util', 'protocol']
const exclusiveTables = [
  'engine/exclusive/messages',
  'engine/exclusive/push',
  'engine/exclusive/sessions',
  'engine/exclusive/store',
  'engine/exclusive/webhooks',
]
const gatewayBase = ['util', 'gateway/errors', 'gateway/log']
/** What the folders of the Redis engine build on. */
const redisBase = [
  ...engineInterface,
  'engine/decide',
  'engine/rules',
  'engine/redis/calls',
  'engine/redis/client',
  'engine/redis/fields',
  'engine/redis/format',
  'engine/redis/keys',
  'engine/redis/step-runner',
  'engine/redis/steps',
  'engine/redis/wire-event',
  'engine/redis/sessions/session-row',
]
const settings = [...gatewayBase, 'gateway/config', 'gateway/limits']
const observed = [...settings, 'gateway/metrics']
const messages = [...observed, 'gateway/apps', 'gateway/auth', 'gateway/messages', 'gateway/tracing']
const connections = [...messages, 'gateway/sessions', 'gateway/connection']

/**
 * `folder: [folders that it may import]`. A file that its own subfolders import has a row of its own, without the extension.
 * A row applies to all paths below it, unless a longer row does.
 */
export const modules = {
  protocol: [],

  'session/util': [],
  'session/error-message': ['protocol'],
  'session/errors': ['session/error-message', 'protocol'],
  'session/sentences': [],
  'session/websocket-class': [],
  'session/page': ['session/machine', 'session/util', 'protocol'],
  'session/machine': ['protocol'],
  'session/transports': [
    'session/error-message',
    'session/errors',
    'session/machine',
    'session/page',
    'session/sentences',
    'session/util',
    'session/websocket-class',
    'protocol',
  ],
  'session/messages': ['session/errors', 'protocol'],
  'session/storage': ['session/errors', 'session/machine', 'session/util', 'protocol'],
  'session/calls': [
    'session/errors',
    'session/machine',
    'session/messages',
    'session/storage',
    'session/transports',
    'session/util',
    'protocol',
  ],
  session: [
    'session/calls',
    'session/error-message',
    'session/errors',
    'session/machine',
    'session/messages',
    'session/page',
    'session/sentences',
    'session/storage',
    'session/transports',
    'session/util',
    'session/websocket-class',
    'protocol',
  ],

  'element/lit': [],
  'element/events': ['element/lit', 'session'],
  'element/attach-part': ['session'],
  'element/is-set': [],
  'element/notifications': ['element/events', 'element/attach-part', 'element/is-set', 'session'],
  'element/find-chat': ['session'],
  'element/unread': ['element/find-chat', 'session'],
  'element/badge': ['element/attach-part', 'element/unread', 'session'],
  'element/forms': ['element/events', 'element/find-chat', 'session'],
  'element/parts': [
    'element/attach-part',
    'element/badge',
    'element/events',
    'element/forms',
    'element/is-set',
    'element/notifications',
    'session',
  ],
  element: [
    'element/lit',
    'element/events',
    'element/notifications',
    'element/parts',
    'element/attach-part',
    'element/find-chat',
    'element/is-set',
    'session',
  ],

  'window/lit': ['window/server-shim'],
  'window/base': ['window/lit'],
  'window/server-shim': [],
  'window/types': ['element'],
  'window/content': ['window/types'],
  'window/words': [],
  'window/parts': ['window/words'],
  'window/model': ['window/types', 'element'],
  'window/complain': [],
  'window/behaviour': ['window/complain', 'window/types'],
  'window/client': ['window/complain', 'window/content', 'window/model', 'window/types', 'element'],
  'window/styles': [],
  'window/on-demand': ['window/client', 'window/lit', 'window/styles', 'window/words'],
  'window/events': ['window/types'],
  'window/event-classes': ['window/events'],
  'window/emit': ['window/event-classes', 'window/events'],
  'window/ui': [
    'window/behaviour',
    'window/client',
    'window/complain',
    'window/content',
    'window/emit',
    'window/model',
    'window/on-demand',
    'window/types',
    'window/words',
    'element',
  ],
  'window/views': [
    'window/behaviour',
    'window/client',
    'window/content',
    'window/lit',
    'window/model',
    'window/types',
    'window/ui',
    'window/words',
    'element',
  ],
  window: [
    'window/base',
    'window/behaviour',
    'window/client',
    'window/complain',
    'window/events',
    'window/lit',
    'window/on-demand',
    'window/styles',
    'window/types',
    'window/ui',
    'window/views',
    'window/words',
    'element',
  ],

  typings: ['element', 'session', 'window'],
  'pages/playground': ['element', 'session'],
  'pages/console': ['protocol'],
  'pages/api': [],

  util: [],

  tokens: ['protocol'],
  'rest-client': ['tokens', 'protocol'],

  'engine/webhook-events': ['protocol'],
  'engine/inbox-records': ['protocol'],
  'engine/records': ['engine/inbox-records', 'engine/webhook-events', 'protocol'],
  'engine/events': ['engine/inbox-records', 'engine/records', 'protocol'],
  'engine/engine': [...engineRecords, 'protocol'],
  'engine/push': ['engine/inbox-records', 'engine/records', 'protocol'],
  'engine/errors': [],
  'engine/transfer': ['engine/push', 'engine/records', 'engine/webhook-events', 'protocol'],
  'engine/user-key': ['engine/records'],
  'engine/lifecycle': ['engine/errors'],
  'engine/listeners': ['engine/engine'],
  'engine/rules': [],
  'engine/decide': [
    ...['engine/inbox-records', 'engine/push', 'engine/records', 'engine/rules', 'engine/webhook-events'],
    ...['util', 'protocol'],
  ],
  'engine/util': ['engine/decide', 'util', 'protocol'],
  'engine/exclusive/store': exclusive,
  'engine/exclusive/webhooks': [...exclusive, 'engine/exclusive/store'],
  'engine/exclusive/sessions': [...exclusive, 'engine/exclusive/store', 'engine/exclusive/webhooks'],
  'engine/exclusive/push': [
    ...exclusive,
    'engine/exclusive/sessions',
    'engine/exclusive/store',
    'engine/exclusive/webhooks',
  ],
  'engine/exclusive/messages': [
    ...exclusive,
    'engine/exclusive/push',
    'engine/exclusive/sessions',
    'engine/exclusive/store',
    'engine/exclusive/webhooks',
  ],
  'engine/exclusive/transfer': [...exclusive, ...exclusiveTables],
  'engine/exclusive': [...exclusive, ...exclusiveTables, 'engine/exclusive/transfer'],
  'engine/memory': [...exclusive, ...exclusiveTables, 'engine/exclusive'],
  'engine/embedded': [...exclusive, ...exclusiveTables, 'engine/exclusive/transfer', 'engine/exclusive'],
  'engine/redis/client': ['engine/errors', 'util'],
  'engine/redis/format': [],
  'engine/redis/scopes': [],
  'engine/redis/fields': ['engine/rules'],
  'engine/redis/apps': engineInterface,
  'engine/redis/nodes/partitions': [...engineInterface, 'engine/redis/client'],
  'engine/redis/keys': [...engineInterface, 'engine/redis/scopes', 'engine/redis/nodes/partitions', 'util'],
  'engine/redis/wire-event': [...engineInterface],
  'engine/redis/steps': ['engine/redis/calls', 'engine/redis/keys'],
  'engine/redis/script': ['engine/redis/client', 'engine/redis/keys', 'engine/redis/steps'],
  'engine/redis/sessions/session-row': ['engine/decide', 'engine/rules'],
  'engine/redis/calls': [...engineInterface, 'protocol'],
  // What runs inside Redis.
  'engine/redis/scripts': [
    ...engineInterface,
    'engine/decide',
    'engine/rules',
    'engine/redis/calls',
    'engine/redis/fields',
    'engine/redis/format',
    'engine/redis/keys',
    'engine/redis/scopes',
    'engine/redis/sessions/session-row',
    'engine/redis/steps',
    'engine/redis/wire-event',
  ],
  'engine/redis/epochs': [...engineInterface, 'engine/redis/calls', 'util'],
  'engine/redis/step-runner': [
    ...engineInterface,
    'engine/redis/calls',
    'engine/redis/client',
    'engine/redis/epochs',
    'engine/redis/nodes/partitions',
    'engine/redis/keys',
    'engine/redis/script',
    'engine/redis/steps',
    'engine/redis/wire-event',
    'util',
    'protocol',
  ],
  'engine/redis/lists': ['engine/redis/client', 'engine/redis/step-runner'],
  'engine/redis/quotas': [...engineInterface, 'engine/redis/step-runner', 'engine/redis/wire-event', 'util'],
  'engine/redis/server-check': ['engine/errors', 'engine/redis/client'],
  'engine/redis/messages': [...redisBase, 'engine/redis/quotas', 'engine/util', 'util', 'protocol'],
  'engine/redis/nodes': [...redisBase, 'engine/redis/apps', 'engine/redis/messages', 'util'],
  'engine/redis/sessions': [
    ...redisBase,
    'engine/redis/lists',
    'engine/redis/messages',
    'engine/redis/nodes',
    'engine/redis/quotas',
    'engine/redis/script',
    'util',
    'protocol',
  ],
  'engine/redis/recovery': [
    ...redisBase,
    'engine/redis/messages',
    'engine/redis/nodes',
    'engine/redis/sessions',
    'protocol',
    'util',
  ],
  'engine/redis/push': [...redisBase, 'engine/redis/messages', 'protocol'],
  'engine/redis/webhooks': [...redisBase, 'engine/redis/lists', 'util'],
  'engine/redis/transfer': [
    ...redisBase,
    'engine/redis/messages',
    'engine/redis/nodes/partitions',
    'engine/redis/lists',
    'engine/redis/push',
    'engine/redis/script',
    'engine/redis/server-check',
    'engine/redis/sessions',
    'protocol',
  ],
  'engine/redis/opening': [
    ...redisBase,
    'engine/redis/apps',
    'engine/redis/messages',
    'engine/redis/nodes',
    'engine/redis/nodes/partitions',
    'engine/redis/quotas',
    'engine/redis/push',
    'engine/redis/recovery',
    'engine/redis/server-check',
    'engine/redis/sessions',
    'engine/redis/webhooks',
    'util',
  ],
  'engine/redis': [
    ...engineInterface,
    ...['engine/redis/client', 'engine/redis/opening', 'engine/redis/server-check', 'engine/util'],
  ],
  'engine/suite': engineInterface,
  engine: [
    ...engineInterface,
    'engine/decide',
    'engine/exclusive',
    'engine/exclusive/store',
    'engine/exclusive/transfer',
    'engine/memory',
    'engine/embedded',
    'engine/redis',
    'engine/redis/transfer',
    'engine/rules',
    'engine/util',
    'util',
  ],

  'gateway/errors': [],
  'gateway/log': [],
  'gateway/open-telemetry': ['gateway/log'],
  'gateway/repeat-log': ['gateway/log'],
  'gateway/config': [...gatewayBase, 'engine', 'tokens', 'protocol'],
  'gateway/limits': gatewayBase,
  'gateway/metrics': [...gatewayBase, 'gateway/open-telemetry', 'protocol'],
  'gateway/apps': [...settings, 'engine', 'tokens', 'protocol'],
  'gateway/outbound': observed,
  'gateway/push': [...observed, 'gateway/apps', 'gateway/outbound', 'gateway/tracing', 'engine', 'protocol'],
  'gateway/tracing': ['gateway/open-telemetry', 'util', 'protocol'],
  'gateway/webhooks': [...observed, 'gateway/outbound', 'gateway/tracing', 'engine', 'protocol'],
  'gateway/auth': [...observed, 'gateway/apps', 'gateway/outbound', 'engine', 'tokens', 'protocol'],
  'gateway/messages': [...observed, 'gateway/apps', 'gateway/outbound', 'engine', 'protocol'],
  'gateway/sessions': [...messages, 'gateway/push', 'engine', 'tokens', 'protocol'],
  'gateway/connection': [...messages, 'gateway/sessions', 'engine', 'protocol'],
  'gateway/http': [...connections, 'engine', 'protocol'],
  'gateway/rest': [
    ...connections,
    'gateway/admin/audit',
    'gateway/http',
    'engine',
    'rest-client',
    'protocol',
  ],
  'gateway/transports/frames': ['protocol'],
  'gateway/transports': [...connections, 'gateway/transports/frames', 'gateway/http', 'engine', 'protocol'],
  'gateway/admin/audit': [...gatewayBase, 'gateway/repeat-log'],
  'gateway/admin': [
    ...connections,
    'gateway/admin/audit',
    'gateway/http',
    'gateway/push',
    'gateway/webhooks',
    'engine',
    'protocol',
  ],
  'gateway/lifecycle/engines': [...observed, 'engine', 'protocol'],
  'gateway/lifecycle': [
    ...connections,
    'gateway/lifecycle/engines',
    'gateway/open-telemetry',
    'gateway/outbound',
    'gateway/http',
    'gateway/push',
    'gateway/transports',
    'gateway/webhooks',
    'engine',
    'protocol',
  ],
  gateway: [
    ...connections,
    'gateway/outbound',
    'gateway/lifecycle',
    'gateway/lifecycle/engines',
    'gateway/admin',
    'gateway/admin/audit',
    'gateway/open-telemetry',
    'gateway/repeat-log',
    'gateway/http',
    'gateway/push',
    'gateway/rest',
    'gateway/transports',
    'gateway/webhooks',
    'engine',
    'rest-client',
    'tokens',
    'protocol',
  ],

  'cli/dev': ['cli/cli-error', 'cli/until-signal', 'gateway', 'engine', 'tokens', 'protocol'],
  'cli/doctor': ['cli/cli-error', 'cli/certificate', 'cli/report', 'gateway', 'protocol'],
  'cli/init': ['cli/cli-error', 'gateway', 'engine'],
  'cli/workers': ['cli/until-signal', 'gateway'],
  'cli/cli-error': [],
  'cli/certificate': ['cli/report'],
  'cli/report': [],
  'cli/until-signal': [],
  cli: [
    'cli/dev',
    'cli/doctor',
    'cli/init',
    'cli/certificate',
    'cli/report',
    'cli/cli-error',
    'cli/until-signal',
    'cli/workers',
    'gateway',
    'util',
    'tokens',
    'protocol',
  ],
}

/** Modules that also run without Node. */
export const withoutNode = [
  'protocol',
  'session',
  'element',
  'window',
  'typings',
  'pages',
  'tokens',
  'rest-client',
]

/** The files through which other modules import a module, if they are not `index` and `internal`. */
const entryFiles = {
  element: ['chat-session', 'define', 'define-unread', 'internal'],
  window: ['chat-window', 'define'],
}

/** Modules whose files other modules import one by one. */
const withoutEntry = ['util']

/** Files that only the named files may import. */
const restricted = { 'gateway/gateway': ['gateway/index'] }

const topOf = (path) => path.split('/')[0]

/** Returns the row of a path below src/ without its extension, or undefined if there is none. */
export const moduleOf = (path) => {
  const parts = path.split('/')
  for (let length = parts.length; length > 0; length--) {
    const module = parts.slice(0, length).join('/')
    if (Object.hasOwn(modules, module)) return module
  }
  return undefined
}

/** Returns a file's path below src/ with `/` and without its extension, or undefined for a file outside src/. */
export const pathInSrc = (file) => {
  const path = relative(src, file).split(sep).join('/')
  return path.startsWith('..') ? undefined : path.replace(/(\.d)?\.[cm]?[jt]sx?$/, '')
}

/** Returns why `file` must not import `specifier`; undefined if it may, and for files outside src/. */
export const forbidden = (file, specifier) => {
  const from = pathInSrc(file)
  if (from === undefined) return undefined
  const module = moduleOf(from)
  if (module === undefined) return `scripts/modules.mjs has no row for src/${from}.`
  if (specifier.startsWith('node:') && withoutNode.includes(topOf(from)))
    return `${topOf(from)}/ must run without Node.`
  if (!specifier.startsWith('.')) return undefined
  const to = pathInSrc(normalize(join(dirname(file), specifier)))
  if (to === undefined) return `src/ imports nothing outside src/: ${specifier}.`
  const target = moduleOf(to)
  if (restricted[to] && !restricted[to].includes(from))
    return `Only ${restricted[to].join(', ')} imports ${to}.`
  if (target === module) return undefined
  if (topOf(from) !== topOf(to)) {
    const allowed = modules[module].filter((other) => topOf(other) !== topOf(module))
    if (!allowed.includes(topOf(to)))
      return `${module}/ may import ${modules[module].join(', ') || 'no other module'}.`
    if (withoutEntry.includes(topOf(to))) return undefined
    const entries = entryFiles[topOf(to)] ?? ['index', 'internal']
    return entries.some((entry) => to === `${topOf(to)}/${entry}`)
      ? undefined
      : `${topOf(to)}/ is entered by ${entries.join(', ')}.`
  }
  return modules[module].includes(target)
    ? undefined
    : `${module} may import ${modules[module].join(', ') || 'no other module'}.`
}

/** An ESLint plugin with the rule `modules/imports`. */
export const plugin = {
  rules: {
    imports: {
      meta: { type: 'problem', schema: [], messages: { forbidden: '{{ why }}' } },
      create(context) {
        const check = ({ source }) => {
          if (typeof source?.value !== 'string') return
          const why = forbidden(context.physicalFilename, source.value)
          if (why) context.report({ node: source, messageId: 'forbidden', data: { why } })
        }
        return {
          ImportDeclaration: check,
          ExportNamedDeclaration: check,
          ExportAllDeclaration: check,
          ImportExpression: check,
          TSImportType: check,
        }
      },
    },
  },
}
