import { usePart } from './use-part.js'

const FORM = 'form[data-chat-session]'

/** Loads the part for forms, if there is a `form`. Until the part is loaded, a submit goes to the site's backend. */
const load = async (form: HTMLElement | null | undefined): Promise<void> => {
  if (form) (await usePart('calls', form))?.listenToForms(form.getRootNode())
}

/** Called when a field gets the focus. This finds forms that came into the page later, and forms in a shadow tree. */
const focused = (event: Event): void => {
  const [field] = event.composedPath() as Partial<HTMLInputElement>[]
  void load((field?.form ?? field)?.closest?.<HTMLElement>(FORM))
}

/** Watches for forms with `data-chat-session` in the page. A second call adds no second listener. */
export const watchForms = (): void => {
  addEventListener('focusin', focused)
  void load(document.querySelector<HTMLElement>(FORM))
}
