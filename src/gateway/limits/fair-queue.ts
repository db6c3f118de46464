/** An item that waits in a `FairQueue`. */
export interface Queued {
  readonly group: string
  /** The memory that the item takes while it waits. */
  readonly bytes: number
  /** Called when the item has lost its place to one of another group. */
  readonly refuse: () => void
}

interface Group<Item> {
  /** The oldest first. */
  readonly items: Item[]
  /** The share of the queue's room that the items take: the sum of their `#loadOf`. */
  load: number
}

/**
 * Items that wait for their turn. Those of one group keep their order, and groups take turns. If the queue is full, an item of a group with
 * few items takes the place of the newest ones of a group with many. So a flood of one group neither delays nor keeps out the others.
 */
export class FairQueue<Item extends Queued> {
  readonly #maxItems: number
  readonly #maxBytes: number
  /** The first group has the next turn. */
  readonly #groups = new Map<string, Group<Item>>()
  /** All items, the oldest first. */
  readonly #items = new Set<Item>()
  #bytes = 0
  /** The group that had the greatest load when it was last compared with others, and this load, which no group exceeds. */
  #largest = ''
  #largestLoad = 0

  constructor(maxItems: number, maxBytes = Infinity) {
    this.#maxItems = maxItems
    this.#maxBytes = maxBytes
  }

  /** The items, the oldest first. */
  get items(): ReadonlySet<Item> {
    return this.#items
  }

  get isFull(): boolean {
    return this.#items.size >= this.#maxItems
  }

  /**
   * Called right before an item is added. If the queue is full, refuses the newest items of the group with the greatest load, as long as
   * this group still has at least the load that the group of the new item has with it. Returns false if there is no room for the item then.
   */
  makeRoom(name: string, bytes: number): boolean {
    const ownLoad = (this.#groups.get(name)?.load ?? 0) + this.#loadOf(bytes)
    while (this.isFull || this.#bytes + bytes > this.#maxBytes) {
      const group = this.#largestGroup()
      const newest = group?.items.at(-1)
      if (!group || !newest || group.load - this.#loadOf(newest.bytes) < ownLoad) return false
      this.remove(newest)
      newest.refuse()
    }
    return true
  }

  add(item: Item): void {
    const { group: name, bytes } = item
    const group = this.#groups.get(name) ?? { items: [], load: 0 }
    this.#groups.set(name, group)
    group.items.push(item)
    group.load += this.#loadOf(bytes)
    this.#items.add(item)
    this.#bytes += bytes
    if (group.load >= this.#largestLoad) [this.#largest, this.#largestLoad] = [name, group.load]
  }

  /** Removes and returns the item that has the next turn; undefined if there is none. */
  take(): Item | undefined {
    const [next] = this.#groups
    if (!next) return undefined
    const [name, group] = next
    const [item] = group.items
    if (item) this.remove(item)
    // The group's next turn comes after those of all other groups.
    if (this.#groups.delete(name)) this.#groups.set(name, group)
    return item
  }

  /** Removes an item. Returns false if it does not wait any more. */
  remove(item: Item): boolean {
    if (!this.#items.delete(item)) return false
    const { group: name, bytes } = item
    this.#bytes -= bytes
    const group = this.#groups.get(name)
    group?.items.splice(group.items.indexOf(item), 1)
    if (group) group.load -= this.#loadOf(bytes)
    if (group?.items.length === 0) this.#groups.delete(name)
    return true
  }

  /** Returns how much of the room an item takes. The room is bounded in items and in bytes, so the item takes a part of both bounds. */
  #loadOf(bytes: number): number {
    return 1 / this.#maxItems + bytes / this.#maxBytes
  }

  #largestGroup(): Group<Item> | undefined {
    const known = this.#groups.get(this.#largest)
    // All groups are compared only if this one has lost half of its load. Otherwise each item that finds no room would cost a search.
    if (known && known.load > this.#largestLoad / 2) return known
    this.#largestLoad = 0
    // Of equal groups the last one is taken, because its turn comes last.
    for (const [name, { load }] of this.#groups)
      if (load >= this.#largestLoad) [this.#largest, this.#largestLoad] = [name, load]
    return this.#groups.get(this.#largest)
  }
}
