import { createHash } from 'node:crypto'
import {
  clientErrorMessages,
  closeCodes,
  isRetryable,
  errorMessages,
  type EndCode,
  type ProtocolCode,
} from '../../../protocol/index.js'

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
article { padding: 1rem 0; border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
article:target { outline: 2px solid; outline-offset: 0.5rem; border-radius: 0.25rem; }
h2 { margin: 0; font: 600 1.05rem/1.5 ui-monospace, monospace; }
p { margin: 0.25rem 0 0; }
small { opacity: 0.8; }
code { font-family: ui-monospace, monospace; }
`

/** The page's Content-Security-Policy, which allows no script, and only the page's own style. */
export const errorsPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`

/** Returns where a code comes from, and for a code of the gateway whether a retry may help. */
const originOf = (code: string): string => {
  if (!Object.hasOwn(errorMessages, code)) return 'reported by the client'
  const close = Object.hasOwn(closeCodes, code) ? closeCodes[code as EndCode] : undefined
  const source =
    close === undefined ? 'refused by the gateway, and the session goes on' : `close code ${close}`
  const advice = isRetryable(code as ProtocolCode)
    ? 'trying again may help'
    : 'trying the same again does not help'
  return `${source}; ${advice}`
}

const entry = ([code, message]: [string, string]): string => `<article id="${code}">
<h2>${code}</h2>
<p>${message.replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>
<p><small>${originOf(code)}</small></p>
</article>`

/** The page that explains each code. The errors of the served script link to it. */
export const errorsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>chat-session: error codes</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Error codes of chat-session</h1>
${Object.entries({ ...errorMessages, ...clientErrorMessages })
  .map(entry)
  .join('\n')}
</main>
</body>
</html>
`
