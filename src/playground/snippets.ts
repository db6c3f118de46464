import { entriesOf, profileAttributes, ways, type Choice } from './settings.js'

/** Stands where something secret goes. */
export const placeholders = {
  token: 'TOKEN_FROM_YOUR_SERVER',
  signature: 'SIGNATURE_FROM_YOUR_SERVER',
  password: 'WHAT_THE_USER_TYPED',
} as const

/** Where the page's own backend answers tokens. */
const TOKEN_ROUTE = '/your/token'

const attribute = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
const quoted = (text: string): string =>
  // Text in a script must not end it.
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'").replaceAll('<', '\\x3C')}'`

const profileOf = ({ profile }: Choice): [string, string][] => entriesOf(profile).filter(([, value]) => value)

const hasToken = ({ way }: Choice): boolean =>
  way === 'token' || way === 'token-fetcher' || way === 'lapsing-url' || way === 'wrong-token'

const hasTokenUrl = ({ way }: Choice): boolean => way === 'lapsing-url' || way === 'token-url'

const fetcher = (indent: string): string =>
  [
    `async ({ signal }) => {`,
    `  const response = await fetch('${TOKEN_ROUTE}', { signal })`,
    `  if (response.status === 401) return null // signed out`,
    `  return (await response.json()).token`,
    `}`,
  ].join(`\n${indent}`)

/** What an attribute can't hold, as a line of a script. */
const scriptOf = ({ way }: Choice): string | null => {
  switch (way) {
    case 'token-fetcher':
      return `element.tokenFetcher = ${fetcher('  ')}`
    case 'auth-params':
      return `element.authParams = { password: '${placeholders.password}' }`
    case 'nothing':
      return [
        `element.addEventListener('session-token-needed', (event) => {`,
        `  const fetchToken = ${fetcher('    ')}`,
        `  event.respondWith(fetchToken(event))`,
        `})`,
      ].join('\n  ')
    default:
      return null
  }
}

const attributesOf = (choice: Choice): [string, string | true][] => [
  ['app-id', choice.appId],
  ...(choice.userId ? [['user-id', choice.userId] as [string, string]] : []),
  ...profileOf(choice).map(([field, value]): [string, string] => [
    profileAttributes[field as keyof typeof profileAttributes],
    value,
  ]),
  ...(hasToken(choice) ? [['token', placeholders.token] as [string, string]] : []),
  ...(hasTokenUrl(choice) ? [['token-url', TOKEN_ROUTE] as [string, string]] : []),
  ...(choice.way === 'signature' ? [['signature', placeholders.signature] as [string, string]] : []),
  ...(choice.way === 'guest' ? [['guest', true] as [string, true]] : []),
  ...(choice.notifications ? [['notifications', true] as [string, true]] : []),
]

/** The tag for a page that a server renders. */
export const htmlOf = (choice: Choice, origin: string): string => {
  const attributes = attributesOf(choice).map(([name, value]) =>
    value === true ? name : `${name}="${attribute(value)}"`,
  )
  const script = scriptOf(choice)
  return [
    `<script type="module" async src="${origin}/v1/chat-session.js"></script>`,
    `<chat-session\n  ${attributes.join('\n  ')}\n></chat-session>`,
    ...(script
      ? [
          `<script type="module">\n  const element = document.querySelector('chat-session')\n  ${script}\n</script>`,
        ]
      : []),
  ].join('\n')
}

const userOf = (choice: Choice, withId: boolean): string | null => {
  const fields = [
    ...(withId && choice.userId ? [`id: ${quoted(choice.userId)}`] : []),
    ...profileOf(choice).map(([field, value]) => `${field}: ${quoted(value)}`),
  ]
  return fields.length ? `{ ${fields.join(', ')} }` : null
}

/** The credentials as properties, by name. */
const propertiesOf = (choice: Choice): [string, string][] => [
  ...(hasToken(choice) ? [['token', quoted(placeholders.token)] as [string, string]] : []),
  ...(choice.way === 'token-fetcher' ? [['tokenFetcher', fetcher('  ')] as [string, string]] : []),
  ...(hasTokenUrl(choice) ? [['tokenUrl', quoted(TOKEN_ROUTE)] as [string, string]] : []),
  ...(choice.way === 'signature' ? [['signature', quoted(placeholders.signature)] as [string, string]] : []),
  ...(choice.way === 'auth-params'
    ? [['authParams', `{ password: '${placeholders.password}' }`] as [string, string]]
    : []),
  ...(choice.way === 'guest' ? [['guest', 'true'] as [string, string]] : []),
]

/** The headless session, for code without a DOM. */
export const javascriptOf = (choice: Choice, origin: string): string => {
  const user = userOf(choice, true)
  const options = [
    `endpoint: ${quoted(origin)}`,
    `appId: ${quoted(choice.appId)}`,
    ...(user ? [`user: ${user}`] : []),
    ...propertiesOf(choice).map(([name, value]) => `${name}: ${value}`),
  ]
  return [
    `import { ChatSession } from 'chat-session'`,
    ``,
    `const session = new ChatSession({\n  ${options.join(',\n  ')},\n})`,
    ...(choice.way === 'nothing'
      ? [
          `const fetchToken = ${fetcher('')}`,
          `session.addEventListener('tokenneeded', (event) => event.respondWith(fetchToken(event)))`,
        ]
      : []),
    `const result = await session.start()`,
    `if (result.failed) console.error(result.error.code)`,
  ].join('\n')
}

/** The element in React 19, which sets properties where they exist. */
export const reactOf = (choice: Choice, origin: string): string => {
  const user = userOf(choice, false)
  const properties: [string, string][] = [
    ['appId', quoted(choice.appId)],
    ...(choice.userId ? [['userId', quoted(choice.userId)] as [string, string]] : []),
    ...(user ? [['user', user] as [string, string]] : []),
    ...propertiesOf(choice),
    ['endpoint', quoted(origin)],
    ...(choice.notifications ? [['notifications', 'true'] as [string, string]] : []),
    ['onsession-started', '(event) => console.log(event.detail.user)'],
    ...(choice.way === 'nothing'
      ? [
          ['onsession-token-needed', `(event) => event.respondWith((${fetcher('')})(event))`] as [
            string,
            string,
          ],
        ]
      : []),
  ]
  const lines = properties.map(([name, value]) => `${name}={${value.replaceAll('\n', '\n    ')}}`)
  return [
    `import 'chat-session/define'`,
    ``,
    `export const Session = () => (`,
    `  <chat-session\n    ${lines.join('\n    ')}\n  />`,
    `)`,
  ].join('\n')
}

/** How the server makes what the placeholder stands for; null where nothing is to be made. */
export const serverOf = (choice: Choice): { what: string; code: string } | null => {
  const user = choice.userId ? shellWord(choice.userId) : 'USER_ID'
  if (choice.way === 'signature')
    return {
      what: 'Sign the user id on your server, with the app’s signature secret; try it by',
      code: `CHAT_SESSION_SECRET=… \\\n  npx chat-session signature --user ${user}`,
    }
  if (choice.way === 'auth-params')
    return {
      what: 'What the page gives is checked by your function, in the gateway’s config',
      code: `authenticate: async ({ userId, authParams }) => ({\n  ok: await isRight(userId, authParams.password),\n})`,
    }
  if (ways[choice.way].lifetime === undefined) return null
  return {
    what: 'Make the token on your server, by createToken of chat-session/tokens; try it by',
    code: `CHAT_SESSION_SECRET=… \\\n  npx chat-session token --app ${choice.appId} \\\n  --user ${user} --expires-in ${ways[choice.way].lifetime}`,
  }
}

const shellWord = (text: string): string =>
  /^[\w.@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
