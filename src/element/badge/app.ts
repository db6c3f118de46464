/** The count that the icon shows; undefined while no session shows its count there. */
let shown: number | undefined

/** Shows the count on the icon of the installed app. A browser without badges, or a site that is not installed, shows nothing. */
export const showAppBadge = (count: number | undefined): void => {
  if (count === shown) return
  shown = count
  const { setAppBadge, clearAppBadge } = navigator as Partial<Navigator>
  // `setAppBadge` rejects where a page must not set the badge, for example in an iframe.
  if (count) setAppBadge?.call(navigator, count).catch(() => undefined)
  else clearAppBadge?.call(navigator).catch(() => undefined)
}
