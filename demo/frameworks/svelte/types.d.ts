import type {} from 'chat-session/svelte'
