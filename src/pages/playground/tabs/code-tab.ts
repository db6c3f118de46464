import { html, nothing, type TemplateResult } from 'lit'
import { tabList } from '../controls.js'
import { htmlOf, javascriptOf, placeholders, reactOf, serverOf } from './snippets.js'
import type { Language, Panel } from '../panel/panel.js'

const languages = { HTML: htmlOf, JavaScript: javascriptOf, React: reactOf } as const

const secrets = new RegExp(`(${Object.values(placeholders).join('|')})`)

/** The code for the chosen settings, to copy. */
export const codeTab = (panel: Panel): TemplateResult => {
  const { settings, language, copyResult } = panel.shown
  const server = serverOf(settings)
  const code = languages[language](settings, location.origin)
  const select = (language: Language): void => {
    panel.show({ language, copyResult: '' })
  }
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(code)
      panel.show({ copyResult: 'Copied.' })
    } catch {
      // Without a secure context or the permission there is no clipboard. Then the code is selected, so that the keyboard can copy it.
      const shown = panel.renderRoot.querySelector('#code')
      if (shown) getSelection()?.selectAllChildren(shown)
      panel.show({ copyResult: 'The browser doesn’t allow it: the code is selected, copy it by keyboard.' })
    }
  }
  return html`${tabList('Language', 'snippet', Object.keys(languages) as Language[], language, select)}
    <pre class="well" id="snippet" role="tabpanel" aria-labelledby="tab-${language}" tabindex="0">
<code id="code">${code.split(secrets).map((piece) => (secrets.test(piece) ? html`<mark>${piece}</mark>` : piece))}</code></pre>
    <div class="row">
      <button @click=${copy}>Copy</button>
      <span class="hint" role="status">${copyResult}</span>
    </div>
    ${
      server
        ? html`<p class="hint">${server.hint}</p>
            <pre class="well" role="group" aria-label="On your server" tabindex="0">
<code id="server">${server.code}</code></pre>`
        : nothing
    }`
}
