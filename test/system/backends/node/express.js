import express from 'express'
import { chatTokenHandler } from './chat-token-handler.js'
import { home, logIn } from './site.js'

express()
  .get('/chat-token', chatTokenHandler)
  .get('/login', logIn)
  .get('/', home)
  .listen(Number(process.env.PORT), '127.0.0.1')
