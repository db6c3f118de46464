import { Component, provideZonelessChangeDetection } from '@angular/core'
import { bootstrapApplication } from '@angular/platform-browser'
import { readSite } from '../common/site.ts'
import { Chat } from '../dist/documented/angular/chat.ts'

@Component({
  selector: '#app',
  imports: [Chat],
  template: `<app-chat [userId]="site.user ?? undefined" [token]="site.token ?? undefined" peer="bob" />`,
})
class Page {
  readonly site = readSite()
}

await bootstrapApplication(Page, { providers: [provideZonelessChangeDetection()] })
