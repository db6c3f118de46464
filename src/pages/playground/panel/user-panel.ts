import { html, nothing, type TemplateResult } from 'lit'
import { codeTab } from '../tabs/code-tab.js'
import { tabList } from '../controls.js'
import { elementTab } from '../tabs/element-tab.js'
import { eventsTab } from '../tabs/events-tab.js'
import { loginTab } from '../tabs/login-tab.js'
import { networkView } from './network-view.js'
import { notifyTab } from '../tabs/notify-tab.js'
import { Panel } from './panel.js'
import { loginMethods } from '../settings.js'
import { stateView } from './state-view.js'
import { controlStyles, panelStyles } from '../styles.js'
import { threadView } from './thread-view.js'

const tabs: Record<string, (panel: Panel) => TemplateResult> = {
  Events: eventsTab,
  'Log-in': loginTab,
  Element: elementTab,
  Notify: notifyTab,
  Code: codeTab,
}

const initialOf = (name: string): string => String.fromCodePoint(name.codePointAt(0) ?? 32).toUpperCase()

/** One user of the page: a real `<chat-session>` and the controls for it. */
export class UserPanel extends Panel {
  static override styles = [controlStyles, panelStyles]

  override render(): TemplateResult {
    const { settings, tab, problem } = this.shown
    const { userId, profile, method, appId } = settings
    const name = this.session.view.user?.name ?? (profile.name || userId || 'Anonymous')
    return html`<article aria-labelledby="title">
      <div class="who">
        <span class="face" aria-hidden="true">${initialOf(name)}</span>
        <div>
          <h2 id="title" tabindex="-1">${name}</h2>
          <p class="hint">${loginMethods[method].label}, app ${appId}</p>
        </div>
        <button
          class="close"
          aria-label="Remove ${name}"
          title="Remove"
          @click=${() => this.dispatchEvent(new Event('close'))}
        >
          ×
        </button>
      </div>
      ${problem ? html`<p class="box failed" role="alert">${problem}</p>` : nothing} ${stateView(this)}
      ${threadView(this)} ${networkView(this)}
      <div class="more">
        ${tabList(`More of ${name}`, 'more', Object.keys(tabs), tab, (tab) => this.show({ tab }))}
        <div id="more" role="tabpanel" aria-labelledby="tab-${tab}">${tabs[tab]?.(this)}</div>
      </div>
    </article>`
  }
}
customElements.define('user-panel', UserPanel)
