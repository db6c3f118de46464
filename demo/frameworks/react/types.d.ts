import type {} from 'chat-session/react'
