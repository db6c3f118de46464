import { isComposing } from '../behaviour/text-field.js'
import type { Account } from '../client/account.js'
import { html, nothing, repeat, type TemplateResult } from '../lit.js'
import { conversationOf } from '../model/conversations.js'
import { endWord } from '../words/end-word.js'
import type { Ui } from '../ui.js'
import { list } from './list.js'
import { skeleton } from './skeleton.js'
import { thread } from './thread.js'

/** Why the session is over, if there was one, and what to do. */
const loggedOut = ({ words, session }: Ui): TemplateResult =>
  html`<div class="hint" role="status">
    <p>${session && session.state !== 'idle' ? words[endWord(session.error?.code)] : nothing}</p>
    <slot name="logged-out"><p>${words['logged-out']}</p></slot>
  </div>`

const panes = (ui: Ui, account: Account, close: unknown): TemplateResult => {
  const { shown, words } = ui
  const hasList = ui.ownPeer === undefined
  return html`<div class="panes ${hasList ? 'with-list' : ''} ${shown === undefined ? '' : 'with-thread'}">
      ${hasList ? list(ui, account, close) : nothing}
      ${
        shown === undefined
          ? html`<p class="choose hint">${ui.isEmpty ? nothing : words.choose}</p>`
          : // Another conversation is drawn anew, so that it begins at its end.
            repeat([shown], String, (peer) => thread(ui, account, peer, hasList, close))
      }
    </div>
    <p class="hidden" role="status">${ui.announcement}</p>`
}

/** What the window shows, besides the button of a launcher. */
const content = (ui: Ui, isLauncher: boolean): TemplateResult => {
  const { content: account, status } = ui
  const close = ui.launcher?.closeButton(ui) ?? nothing
  const isOut = status === 'logged-out'
  return html`<div class="frame">
    <div class="window">
      ${
        status === 'offline'
          ? html`<p class="banner" part="banner" role="status">${ui.words.offline}</p>`
          : nothing
      }
      ${
        account && !isOut
          ? panes(ui, account, close)
          : html`${isLauncher ? html`<div class="head">${close}</div>` : nothing}${isOut ? loggedOut(ui) : skeleton}`
      }
    </div>
  </div>`
}

export const frame = (ui: Ui, isLauncher: boolean, isOpen: boolean): TemplateResult => {
  const { account, ownPeer, session, words } = ui
  const own = account && ownPeer !== undefined ? conversationOf(account.model, ownPeer) : undefined
  const name = own ? ui.nameOf(own) : words.title
  const pressed = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && !isComposing(event) && ui.escape()) event.preventDefault()
  }
  return html`<section
    class=${isLauncher ? 'root docked' : 'root'}
    dir=${words.direction || nothing}
    aria-label=${isLauncher ? words.title : name}
    @keydown=${pressed}
  >
    ${
      isLauncher
        ? ui.launcher?.docked(ui, name, (own ?? session)?.unread ?? 0, isOpen ? content(ui, true) : nothing)
        : content(ui, false)
    }
  </section>`
}
