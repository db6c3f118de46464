<?php
// Calls the functions of chat_calls.php: a line of standard input has a name and arguments, the line printed for it the answer or the error.

require_once __DIR__ . '/chat_calls.php';
require_once __DIR__ . '/chat_page.php';
require_once __DIR__ . '/chat_may_send.php';

function has_blocked(string $user, string $other): bool
{
    return [$user, $other] === ['bob', 'eve'];
}

$calls = [
    'chatPage' => 'chat_page',
    'maySend' => fn (...$arguments) => array_combine(['status', 'body'], chat_may_send(...$arguments)),
];

while (($line = fgets(STDIN)) !== false) {
    [$name, $arguments] = json_decode($line, true);
    try {
        $result = ['answer' => call_user_func_array($calls[$name] ?? "ChatCalls::$name", $arguments)];
    } catch (ChatError $error) {
        $result = ['error' => ['status' => $error->status, 'code' => $error->getCode(), 'message' => $error->getMessage()]];
    } catch (Exception $error) {
        $result = ['error' => ['message' => $error->getMessage()]];
    }
    echo json_encode($result, JSON_THROW_ON_ERROR) . "\n";
}
