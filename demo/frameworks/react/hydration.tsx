import 'chat-session/define'
import { useEffect, useReducer, useRef } from 'react'
import type { ChatSessionElement } from 'chat-session/define'
import { freshToken, type Site } from '../common/site.ts'

/** What the listeners of this page received, by the way in which they were added. */
const received: string[] = []
if (typeof window !== 'undefined') Object.assign(window, { ways: received })

const stable = (): number => received.push('onsession-message, a function of the module')

/** A page that React has no reason to render again after it has hydrated it. */
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
    // Properties too: what an attribute can't hold is set here, once more than React would.
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
