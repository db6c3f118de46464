import { html, nothing, type TemplateResult } from 'lit'
import { helpFor } from '../error-help.js'
import type { Panel } from '../panel/panel.js'

/** Another user writes after this many seconds. Meanwhile a person can open another tab of the browser. */
export const WRITE_DELAY = 5

const permissions: Record<NotificationPermission | 'none', string> = {
  granted: 'The browser lets this page show notifications.',
  denied: 'The browser does not let this page show notifications.',
  default: 'The browser has not been asked yet whether this page may show notifications.',
  none: 'This browser has no notifications.',
}

/** Desktop notifications for messages that arrive while no tab of the user is visible. */
export const notifyTab = (panel: Panel): TemplateResult => {
  const { session, settings, peers } = panel
  const { notification, notificationsRefused: refused } = session
  const { isInPage } = session.view
  const checkbox = (label: TemplateResult, isChecked: boolean, set: (checked: boolean) => void) =>
    html`<label class="check"
      ><input
        type="checkbox"
        ?disabled=${!isInPage}
        .checked=${isChecked}
        @change=${(event: Event) => set((event.target as HTMLInputElement).checked)}
      /><span>${label}</span></label
    >`
  return html`<div>
      ${checkbox(
        html`The <code>notifications</code> attribute is set`,
        settings.notifications,
        (notifications) => panel.change({ notifications }),
      )}
      ${checkbox(
        html`Stop each, by <code>preventDefault()</code>`,
        session.preventsNotifications,
        (prevents) => (session.preventsNotifications = prevents),
      )}
    </div>
    <div class="field">
      <button ?disabled=${!isInPage} @click=${() => panel.attempt(() => session.requestNotifications())}>
        requestNotifications()
      </button>
      <p class="hint" id="permission" role="status">
        ${
          refused
            ? html`<code>${refused.code}</code> ${helpFor(refused).explanation}`
            : permissions['Notification' in globalThis ? Notification.permission : 'none']
        }
      </p>
    </div>
    <div class="field">
      <button
        ?disabled=${!isInPage || !peers[0]}
        @click=${() => panel.dispatchEvent(new Event('write-later'))}
      >
        Let ${peers[0]?.name ?? 'another user'} write in ${WRITE_DELAY} s
      </button>
      <p class="hint">Then look at another tab: a message that you can see shows no notification.</p>
    </div>
    ${
      notification
        ? html`<div class="box" id="notified">
            <p>
              <strong><code>session-notification</code></strong>
              ${notification.prevented ? 'stopped' : 'shown'}
            </p>
            <p><strong>${notification.title}</strong><br />${notification.body}</p>
          </div>`
        : nothing
    }`
}
