interface Server {
  command: string[]
  /** The end of its URL paths. @default '' */
  suffix?: string
}

/** How to run the code of one page of docs/backends/. Commands run in a folder with its files. */
export interface Language {
  /** The page's name without `.md`, which is also the folder here that has the rest of a program. */
  folder: string
  /** Debian's packages. */
  packages: string[]
  /** The files that the page shows. */
  files: string[]
  /** The file that verifies requests. */
  verifier: string
  /** The file that mints tokens. The page may show several variants of that file. */
  minter: string
  /** A shell command that compiles all files. */
  build?: string
  /**
   * A program that gets pairs of user id and name, and prints a line for each: token, space, signature. An empty name is no profile, and
   * the name `null` is a name that is missing.
   */
  mint: string[]
  /** A program that calls the functions of the REST API: for each line of its input it prints a line. */
  call: [program: string, ...parameters: string[]]
  /** Servers by their names: they listen on PORT and load the script from GATEWAY. */
  servers?: Record<string, Server>
  /** A shell command that checks the syntax of files that can't run here. */
  syntax?: string
}

const jars = ['jackson-annotations', 'jackson-core', 'jackson-databind', 'spring3-core', 'spring3-web']
const classPath = ['.', ...jars.map((name) => `/usr/share/java/${name}.jar`)].join(':')

const newtonsoft = '/usr/lib/cli/Newtonsoft.Json-5.0/Newtonsoft.Json.dll'

/** PHP's sessions send `Cache-Control` by default. This turns it off, so that the page's code must send it. */
const phpServer = 'exec php -d session.cache_limiter= -d session.save_path="$PWD" -S 127.0.0.1:$PORT'

/** How to run the code of each page, by the page's heading. */
export const languages = {
  Ruby: {
    folder: 'ruby',
    packages: ['ruby', 'ruby-jwt', 'ruby-railties', 'puma'],
    files: [
      'chat_token.rb',
      'chat_signature.rb',
      'chat_rest.rb',
      'chat_calls.rb',
      'chat_page.rb',
      'chat_may_send.rb',
      'verify_webhook.rb',
      'app/controllers/chat_tokens_controller.rb',
      'app/views/shared/_chat.html.erb',
    ],
    verifier: 'verify_webhook.rb',
    minter: 'chat_token.rb',
    mint: ['ruby', 'mint.rb'],
    call: ['ruby', 'call.rb'],
    servers: { Rails: { command: ['ruby', 'server.rb'] } },
  },
  Python: {
    folder: 'python',
    packages: ['python3', 'python3-jwt', 'python3-django', 'python3-flask'],
    files: [
      'chat_token.py',
      'chat_signature.py',
      'chat_rest.py',
      'chat_calls.py',
      'chat_page.py',
      'chat_may_send.py',
      'verify_webhook.py',
      'chat_views.py',
      'flask_chat.py',
      'templates/chat.html',
    ],
    verifier: 'verify_webhook.py',
    minter: 'chat_token.py',
    mint: ['python3', 'mint.py'],
    call: ['python3', 'call.py'],
    servers: {
      Django: { command: ['python3', 'django_server.py'] },
      Flask: { command: ['python3', 'flask_server.py'] },
    },
  },
  PHP: {
    folder: 'php',
    packages: [
      'php-cli',
      'php-curl',
      'php-illuminate-events',
      'php-illuminate-routing',
      'php-illuminate-view',
    ],
    files: [
      'chat_token.php',
      'chat_signature.php',
      'chat_rest.php',
      'chat_calls.php',
      'chat_page.php',
      'chat_may_send.php',
      'verify_webhook.php',
      'public/chat-token.php',
      'chat_tag.php',
      'routes/web.php',
      'resources/views/chat.blade.php',
    ],
    verifier: 'verify_webhook.php',
    minter: 'chat_token.php',
    mint: ['php', 'mint.php'],
    call: ['php', 'call.php'],
    servers: {
      'plain PHP': { command: ['sh', '-c', `${phpServer} -t public`], suffix: '.php' },
      Laravel: { command: ['sh', '-c', `${phpServer} laravel.php`] },
    },
  },
  Go: {
    folder: 'go',
    packages: ['golang-go', 'golang-github-golang-jwt-jwt-dev'],
    files: [
      'chat_token.go',
      'chat_signature.go',
      'chat_rest.go',
      'chat_calls.go',
      'chat_page.go',
      'chat_may_send.go',
      'verify_webhook.go',
      'chat_handler.go',
      'chat.gohtml',
    ],
    verifier: 'verify_webhook.go',
    minter: 'chat_token.go',
    build: 'CGO_ENABLED=0 GOPROXY=off GOFLAGS=-mod=mod GOTOOLCHAIN=local go build -o shop .',
    mint: ['./shop'],
    call: ['./shop', 'call'],
    servers: { 'net/http': { command: ['./shop'] } },
  },
  Java: {
    folder: 'java',
    packages: ['default-jdk-headless', 'libjackson2-databind-java', 'libspring-web-java'],
    files: [
      'ChatToken.java',
      'ChatSignature.java',
      'ChatRest.java',
      'ChatCalls.java',
      'ChatPage.java',
      'ChatMaySend.java',
      'VerifyWebhook.java',
      'ChatTokenController.java',
      'ChatTokenHandler.java',
      'ChatTag.java',
    ],
    verifier: 'VerifyWebhook.java',
    minter: 'ChatToken.java',
    build: `javac -cp ${classPath} *.java`,
    mint: ['java', '-cp', classPath, 'Mint'],
    call: ['java', '-cp', classPath, 'Call'],
    servers: { 'the JDK’s HttpServer': { command: ['java', '-cp', classPath, 'Server'] } },
  },
  'C#': {
    folder: 'csharp',
    packages: [
      'mono-mcs',
      'mono-runtime',
      'libmono-system-web4.0-cil',
      'libmono-system-net-http4.0-cil',
      'libnewtonsoft-json5.0-cil',
    ],
    files: [
      'ChatToken.cs',
      'ChatSignature.cs',
      'ChatRest.cs',
      'ChatCalls.cs',
      'ChatPage.cs',
      'ChatMaySend.cs',
      'VerifyWebhook.cs',
      'ChatTag.cs',
      'Program.cs',
    ],
    verifier: 'VerifyWebhook.cs',
    minter: 'ChatToken.cs',
    build: [
      'mcs -r:System.Web.dll ChatToken.cs ChatSignature.cs Mint.cs',
      'mcs -r:System.Web.dll ChatToken.cs ChatTag.cs Tag.cs -out:Tag.exe',
      `mcs -r:System.Web.dll -r:System.Net.Http.dll -r:${newtonsoft} ChatToken.cs ChatRest.cs ChatCalls.cs ChatPage.cs ChatMaySend.cs VerifyWebhook.cs Caller.cs -out:Caller.exe`,
    ].join(' && '),
    mint: ['mono', 'ChatToken.exe'],
    call: ['mono', 'Caller.exe'],
    // Program.cs has statements without a class, and Mono's compiler needs a class.
    syntax:
      '(echo "class Program { void Main(WebApplication app) {"; cat Program.cs; echo "} }") >Whole.cs; mcs --parse Whole.cs',
  },
  Node: {
    folder: 'node',
    packages: [],
    files: [
      'chat-token.js',
      'chat-signature.js',
      'chat-calls.js',
      'chat-page.js',
      'chat-may-send.js',
      'verify-webhook.js',
      'chat-token-handler.js',
      'chat-token-plugin.js',
      'chat-token-route.js',
      'chat-token-vite.js',
      'app/chat-token/route.js',
      'chat-tag.js',
      'chat-tag.jsx',
    ],
    verifier: 'verify-webhook.js',
    minter: 'chat-token.js',
    build:
      'node_modules/esbuild/bin/esbuild chat-tag.jsx --jsx=automatic --jsx-import-source=hono/jsx --log-level=warning --outfile=jsx-tag.js',
    mint: [process.execPath, 'mint.js'],
    call: [process.execPath, 'call.js'],
    servers: {
      'node:http': { command: [process.execPath, 'server.js'] },
      Express: { command: [process.execPath, 'express.js'] },
      Fastify: { command: [process.execPath, 'fastify.js'] },
      Hono: { command: [process.execPath, 'hono.js'] },
      'the route of Next.js': { command: [process.execPath, 'hono.js', 'next'] },
    },
  },
} satisfies Record<string, Language>

export const spring = ['java', '-cp', classPath, 'Spring']
export const csharpTag = ['mono', 'Tag.exe']
