/** Returns whether this tab is visible, or another one that announces itself under `name`. `tabId` is this tab's. */
export const isAnyTabVisible = async (name: string, tabId: string): Promise<boolean> => {
  // Absent over plain http.
  const snapshot = await (navigator as Partial<Navigator>).locks
    ?.query()
    // A sandbox forbids locks. This tab then knows its own visibility only.
    .catch(() => undefined)
  return (
    document.visibilityState === 'visible' ||
    !!snapshot?.held?.some((lock) => lock.name?.startsWith(`${name} `) && lock.name !== `${name} ${tabId}`)
  )
}
