interface Group<T> {
  items: T[]
  /** The items before this index were taken. They are removed together, because each removal copies all other items. */
  first: number
}

/** Items in groups. The groups take turns, and the items of one group keep their order. */
export class RoundRobin<T> {
  /** The first group has the next turn. */
  readonly #groups = new Map<string, Group<T>>()

  add(item: T, group: string): void {
    const known = this.#groups.get(group)
    if (known) known.items.push(item)
    else this.#groups.set(group, { items: [item], first: 0 })
  }

  /** Removes and returns the item that has the next turn; undefined if there is none. */
  take(): T | undefined {
    const [next] = this.#groups
    if (!next) return undefined
    const [name, group] = next
    const item = group.items[group.first++]
    this.#groups.delete(name)
    if (group.first === group.items.length) return item
    this.#groups.set(name, group)
    if (2 * group.first > group.items.length) {
      group.items = group.items.slice(group.first)
      group.first = 0
    }
    return item
  }
}
