import { mount } from 'svelte'
import { readSite } from '../common/site.ts'
import Chat from '../dist/documented/svelte/Chat.svelte'

const { user, token } = readSite()
const target = document.querySelector('#app')
if (target && user && token) mount(Chat, { target, props: { userId: user, token, peer: 'bob' } })
