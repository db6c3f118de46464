import { profileAttributes } from '../../../element/internal.js'
import type { Credentials } from '../../../session/index.js'
import { entriesOf, loginMethods, type Settings } from '../settings.js'

/** The placeholders of secrets. */
export const placeholders = {
  token: 'TOKEN_FROM_YOUR_SERVER',
  signature: 'SIGNATURE_FROM_YOUR_SERVER',
  password: 'WHAT_THE_USER_TYPED',
} as const

/** The backend's route for tokens. */
const TOKEN_ROUTE = '/your/token'

const fetcher = `async ({ signal }) => {
  const response = await fetch('${TOKEN_ROUTE}', { signal })
  if (response.status === 401) return null // signed out
  return (await response.json()).token
}`

const indented = (code: string): string => code.replaceAll('\n', '\n  ')

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
const quoted = (text: string): string =>
  // `</script>` in a string would end the script.
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'").replaceAll('<', '\\x3C')}'`

/** Each credential as an attribute, where it has one, and as code. */
const examples: Record<keyof Credentials, { attribute?: string; code: string }> = {
  token: { attribute: `token="${placeholders.token}"`, code: quoted(placeholders.token) },
  tokenFetcher: { code: fetcher },
  tokenUrl: { attribute: `token-url="${TOKEN_ROUTE}"`, code: quoted(TOKEN_ROUTE) },
  signature: { attribute: `signature="${placeholders.signature}"`, code: quoted(placeholders.signature) },
  authParams: { code: `{ password: '${placeholders.password}' }` },
  guest: { attribute: 'guest', code: 'true' },
}

/** Returns the pairs whose text is not empty. */
const filled = (pairs: readonly (readonly [string, string | undefined])[]) =>
  pairs.flatMap(([name, text]) => (text ? [[name, text] as const] : []))

/** The credentials as properties: their names and code. */
const propertiesOf = ({ method }: Settings): [string, string][] =>
  loginMethods[method].credentials.map((name) => [name, examples[name].code])

/** The statements for credentials that have no attribute. */
const scriptOf = ({ method }: Settings): string[] =>
  method === 'nothing'
    ? [
        `const fetchToken = ${fetcher}`,
        `element.addEventListener('session-token-needed', (event) => event.respondWith(fetchToken(event)))`,
      ]
    : loginMethods[method].credentials
        .filter((name) => !examples[name].attribute)
        .map((name) => `element.${name} = ${examples[name].code}`)

/** The tag for a page that a server renders. */
export const htmlOf = (settings: Settings, origin: string): string => {
  const { appId, userId, method, profile, notifications } = settings
  const fields = entriesOf(profileAttributes).map(([name, field]) => [name, profile[field]] as const)
  const lines = [
    ...filled([['app-id', appId], ['user-id', userId], ...fields]).map(
      ([name, text]) => `${name}="${escaped(text)}"`,
    ),
    ...loginMethods[method].credentials.flatMap((name) => examples[name].attribute ?? []),
    ...(notifications ? ['notifications'] : []),
  ]
  const tag = `<script type="module" async src="${origin}/v1/chat-session.js"></script>
<chat-session
  ${lines.join('\n  ')}
></chat-session>`
  const script = scriptOf(settings)
  if (script.length === 0) return tag
  return `${tag}
<script type="module">
  const element = document.querySelector('chat-session')
  ${script.map(indented).join('\n  ')}
</script>`
}

/** Returns the option `user`, if any field of the user is set. */
const userOf = ({ profile }: Settings, id: string): [string, string][] => {
  const fields = filled([['id', id], ...entriesOf(profile)])
  const code = fields.map(([field, text]) => `${field}: ${quoted(text)}`).join(', ')
  return code ? [['user', `{ ${code} }`]] : []
}

/** The headless session, for code without a DOM. */
export const javascriptOf = (settings: Settings, origin: string): string => {
  const options = [
    ['endpoint', quoted(origin)],
    ['appId', quoted(settings.appId)],
    ...userOf(settings, settings.userId),
    ...propertiesOf(settings),
  ].map(([name, code]) => `${name}: ${code}`)
  const onTokenNeeded = `const fetchToken = ${fetcher}
session.addEventListener('tokenneeded', (event) => event.respondWith(fetchToken(event)))
`
  return `import { ChatSession } from 'chat-session'

const session = new ChatSession({
  ${options.map(indented).join(',\n  ')},
})
${settings.method === 'nothing' ? onTokenNeeded : ''}const result = await session.start()
if (result.failed) console.error(result.error.code)`
}

/** The element in React 19, which sets properties where they exist. */
export const reactOf = (settings: Settings, origin: string): string => {
  const properties = [
    ['appId', quoted(settings.appId)],
    ...(settings.userId ? [['userId', quoted(settings.userId)]] : []),
    ...userOf(settings, ''),
    ...propertiesOf(settings),
    ['endpoint', quoted(origin)],
    ...(settings.notifications ? [['notifications', 'true']] : []),
    ['onsession-started', '(event) => console.log(event.detail.user)'],
    ...(settings.method === 'nothing'
      ? [['onsession-token-needed', `(event) => event.respondWith((${fetcher})(event))`]]
      : []),
  ].map(([name, code]) => `${name}={${code}}`)
  return `import 'chat-session/define'

export const Session = () => (
  <chat-session
    ${properties.map((line) => indented(indented(line))).join('\n    ')}
  />
)`
}

/** How the server makes the credential; null for a guest. */
export const serverOf = ({ appId, method, userId }: Settings): { hint: string; code: string } | null => {
  const user = userId ? shellWord(userId) : 'USER_ID'
  const { lifetime } = loginMethods[method]
  if (method === 'signature')
    return {
      hint: 'Sign the user id on your server with the app’s signature secret. To try it:',
      code: `CHAT_SECRET=… \\\n  npx chat-session signature --user ${user}`,
    }
  if (method === 'auth-params')
    return {
      hint: 'Your function in the gateway’s config checks what the page gives:',
      code: `authenticate: async ({ userId, authParams }) => ({\n  ok: await isRight(userId, authParams.password),\n})`,
    }
  if (lifetime === undefined) return null
  return {
    hint: 'Make the token on your server with createToken of chat-session/tokens. To try it:',
    code: `CHAT_SECRET=… \\\n  npx chat-session token --app ${appId} \\\n  --user ${user} --expires-in ${lifetime}`,
  }
}

const shellWord = (text: string): string =>
  /^[\w.@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
