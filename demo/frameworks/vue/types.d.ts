import type {} from 'chat-session/vue'
