import { html, render } from 'lit'

export interface Question {
  title: string
  text: string
  /** The label of the button that agrees. */
  action: string
}

/** Asks the operator in a dialog. Resolves with whether the operator agrees. If `signal` aborts, the answer is no. */
export const confirm = ({ title, text, action }: Question, signal: AbortSignal): Promise<boolean> =>
  new Promise((answer) => {
    const dialog = document.createElement('dialog')
    dialog.setAttribute('aria-labelledby', 'question')
    // The dialog has no form, because one with the method "dialog" would need `form-action` in the Content Security Policy.
    render(
      html`<h2 id="question">${title}</h2>
        <p>${text}</p>
        <div class="row">
          <button type="button" autofocus @click=${() => dialog.close('')}>Cancel</button>
          <button type="button" class="danger" @click=${() => dialog.close('yes')}>${action}</button>
        </div>`,
      dialog,
    )
    dialog.addEventListener('close', () => {
      answer(dialog.returnValue === 'yes')
      dialog.remove()
    })
    signal.addEventListener('abort', () => dialog.close(''), { once: true })
    document.body.append(dialog)
    dialog.showModal()
  })
