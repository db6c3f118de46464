/** Which of `length` things gets the focus after a key; undefined if the key moves no focus. `index` is -1 if none has it. */
const target = (key: string, index: number, length: number): number | undefined => {
  switch (key) {
    case 'ArrowDown':
      return index < 0 ? length - 1 : Math.min(index + 1, length - 1)
    case 'ArrowUp':
      return index < 0 ? length - 1 : Math.max(index - 1, 0)
    case 'Home':
      return 0
    case 'End':
      return length - 1
    default:
      return undefined
  }
}

/** Returns a listener that moves the focus between what `selector` finds, by the arrow keys. Tab leaves the list. */
export const rove =
  (selector: string) =>
  (event: KeyboardEvent): void => {
    const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(selector)]
    const next = target(event.key, all.indexOf(event.target as HTMLElement), all.length)
    if (next === undefined) return
    event.preventDefault()
    all[next]?.focus()
  }
