/* global document */
// Updates a list in place, so that the focus, the selection and a button that is being pressed survive an event.

/** Sets the text of a node. Equal text leaves the node alone: a new text node would lose the reader's selection. */
export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text
}

/** Moves an element that is in the document, without losing its focus if the browser has `moveBefore`. */
const move = (list, element, next) =>
  list.moveBefore ? list.moveBefore(element, next) : list.insertBefore(element, next)

/**
 * Shows `items` in `list`, in their order. An item keeps its element while `items` has its `key`. A new item gets a copy of
 * `template`. `update(element, item)` fills the element in both cases.
 */
export const patchList = (list, items, template, update) => {
  const keys = new Set(items.map(({ key }) => key))
  const elements = new Map()
  for (const element of [...list.children]) {
    if (keys.has(element.dataset.key)) elements.set(element.dataset.key, element)
    else element.remove()
  }
  let next = list.firstElementChild
  for (const item of items) {
    const known = elements.get(item.key)
    const element = known ?? document.importNode(template.content.firstElementChild, true)
    element.dataset.key = item.key
    if (element === next) next = next.nextElementSibling
    else if (known) move(list, element, next)
    else list.insertBefore(element, next)
    update(element, item)
  }
}
