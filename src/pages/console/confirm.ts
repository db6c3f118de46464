import { html, LitElement, type TemplateResult } from 'lit'

export interface Question {
  title: string
  text: string
  /** The label of the button that agrees. */
  action: string
}

/** A dialog that asks before a change. */
class ConfirmDialog extends LitElement {
  question: Question = { title: '', text: '', action: '' }
  answer: (agrees: boolean) => void = () => undefined

  protected override createRenderRoot(): this {
    return this
  }

  protected override firstUpdated(): void {
    this.querySelector('dialog')?.showModal()
  }

  #onClose({ currentTarget }: Event): void {
    this.answer((currentTarget as HTMLDialogElement).returnValue === 'yes')
    this.remove()
  }

  close(value: string): void {
    this.querySelector('dialog')?.close(value)
  }

  override render(): TemplateResult {
    const { title, text, action } = this.question
    // The dialog has no form, because one with the method "dialog" would need `form-action` in the Content Security Policy.
    return html`<dialog aria-labelledby="question" @close=${this.#onClose}>
      <h2 id="question">${title}</h2>
      <p>${text}</p>
      <div class="row">
        <button type="button" autofocus @click=${() => this.close('')}>Cancel</button>
        <button type="button" class="danger" @click=${() => this.close('yes')}>${action}</button>
      </div>
    </dialog>`
  }
}

customElements.define('confirm-dialog', ConfirmDialog)

/** Resolves with whether the operator agrees. If `signal` aborts, the dialog is closed, and the answer is no. */
export const confirm = (question: Question, signal: AbortSignal): Promise<boolean> =>
  new Promise((answer) => {
    const dialog = Object.assign(new ConfirmDialog(), { question, answer })
    signal.addEventListener('abort', () => dialog.close(''), { once: true })
    document.body.append(dialog)
  })
