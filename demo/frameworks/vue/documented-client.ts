import { createApp } from 'vue'
import { readSite } from '../common/site.ts'
import Chat from '../dist/documented/vue/Chat.vue'

const { user: userId, token } = readSite()
createApp(Chat, { userId, token, peer: 'bob' }).mount('#app')
