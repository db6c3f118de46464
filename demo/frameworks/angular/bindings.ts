import 'chat-session/define'
import { Component, CUSTOM_ELEMENTS_SCHEMA } from '@angular/core'
import { readSite } from '../common/site.ts'

@Component({
  selector: '#app',
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <!-- The same in three spellings. -->
    <chat-session
      id="property"
      [appId]="site.appId"
      [endpoint]="site.endpoint"
      [userId]="site.user"
      [token]="site.token"
    ></chat-session>
    <chat-session
      id="attribute"
      [attr.app-id]="site.appId"
      [attr.endpoint]="site.endpoint"
      [attr.user-id]="site.user"
      [attr.token]="site.token"
    ></chat-session>
    <chat-session
      id="neither"
      [app-id]="site.appId"
      [endpoint]="site.endpoint"
      [user-id]="site.user"
      [token]="site.token"
    ></chat-session>
  `,
})
export class Bindings {
  readonly site = readSite()
}
