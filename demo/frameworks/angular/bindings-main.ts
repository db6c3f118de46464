import { provideZonelessChangeDetection } from '@angular/core'
import { bootstrapApplication } from '@angular/platform-browser'
import { Bindings } from './bindings.ts'

await bootstrapApplication(Bindings, { providers: [provideZonelessChangeDetection()] })
