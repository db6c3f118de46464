import 'chat-session/define'
import { useEffect, useReducer, useRef } from 'react'
import type { ChatSessionElement } from 'chat-session/define'
import { freshToken, type Site } from '../common/site.ts'

/** How each listener that was called had been added. */
const received: string[] = []
if (typeof window !== 'undefined') Object.assign(window, { ways: received })

const stable = (): number => received.push('onsession-message, a function of the module')

/** A page that React does not render again after hydration. */
export const Hydration = ({ site }: { site: Site }) => {
  const [renders, render] = useReducer((count: number) => count + 1, 0)
  const ref = useRef<ChatSessionElement>(null)

  useEffect(() => {
    const element = ref.current
    if (!element) return
    const listening = new AbortController()
    element.addEventListener('session-message', () => received.push('addEventListener'), {
      signal: listening.signal,
    })
    // Also sets the property that an attribute can't hold: hydration does not.
    element.tokenFetcher = freshToken
    return () => listening.abort()
  }, [])

  return (
    <>
      <p>Hydrated, and then left alone.</p>
      <button onClick={render}>Render</button> <output aria-label="Renders">{renders}</output>
      <chat-session
        ref={ref}
        app-id={site.appId}
        endpoint={site.endpoint}
        user-id={site.user ?? undefined}
        token={site.token}
        user={{ role: 'customer' }}
        onsession-message={stable}
        onsession-unread={() => received.push('onsession-unread, a function of the render')}
      />
    </>
  )
}
