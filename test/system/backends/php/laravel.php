<?php

// The rest of an application, around the route and the template of docs/backends/php.md: Laravel's own router and Blade.
use Illuminate\Container\Container;
use Illuminate\Events\Dispatcher;
use Illuminate\Filesystem\Filesystem;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Routing\Router;
use Illuminate\Support\Facades\Facade;
use Illuminate\View\Compilers\BladeCompiler;
use Illuminate\View\Engines\CompilerEngine;
use Illuminate\View\Engines\EngineResolver;
use Illuminate\View\Factory;
use Illuminate\View\FileViewFinder;

foreach (['Container', 'Events', 'Filesystem', 'Http', 'Routing', 'Support', 'View'] as $part) {
    require_once "/usr/share/php/Illuminate/$part/autoload.php";
}
require __DIR__ . '/chat_token.php';

$app = new Container();
Container::setInstance($app);
Facade::setFacadeApplication($app);
$events = new Dispatcher($app);
$router = new Router($events, $app);
$app->instance('router', $router);

$engines = new EngineResolver();
$blade = new BladeCompiler(new Filesystem(), __DIR__);
$engines->register('blade', fn () => new CompilerEngine($blade));
$views = new Factory($engines, new FileViewFinder(new Filesystem(), [__DIR__ . '/resources/views']), $events);

session_start();
$request = Request::capture();
$request->setUserResolver(fn () => isset($_SESSION['user']) ? (object) $_SESSION['user'] : null);
$app->instance(Request::class, $request);

require __DIR__ . '/routes/web.php';

$router->get('/login', function (Request $request) {
    $_SESSION['user'] = ['id' => $request->query('id'), 'name' => $request->query('name')];

    return new Response('', 302, ['Location' => '/']);
});
$router->get('/', fn (Request $request) => new Response(
    '<!doctype html><meta charset="utf-8"><script type="module" async src="' . getenv('GATEWAY') . '/v1/chat-session.js"></script><body>'
    . $views->make('chat', ['user' => $request->user()])->render()
    . '</body>'
));

$router->dispatch($request)->send();
