import {
  clientSentences,
  ends,
  isRetryable,
  sentences,
  type EndCode,
  type ProtocolCode,
} from '../protocol/index.js'

const row = ([code, sentence]: [string, string]): string => {
  const close = ends[code as EndCode] as number | undefined
  const fields = [
    `<code>${code}</code>`,
    close ?? '–',
    isRetryable(code as ProtocolCode) ? 'yes' : 'no',
    sentence,
  ]
  return `<tr id="${code}">${fields.map((field) => `<td>${field}</td>`).join('')}</tr>`
}

/** Where the script-tag build's errors link to: what each code means. */
export const errorsPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>chat-session: error codes</title>
<h1>Error codes</h1>
<table>
<thead><tr><th>code</th><th>close</th><th>retryable</th><th>meaning</th></tr></thead>
<tbody>
${Object.entries({ ...sentences, ...clientSentences })
  .map(row)
  .join('\n')}
</tbody>
</table>
</html>
`
