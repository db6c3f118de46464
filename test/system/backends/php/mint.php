<?php

require __DIR__ . '/chat_token.php';
require __DIR__ . '/chat_signature.php';

foreach (array_chunk(array_slice($argv, 1), 2) as [$id, $name]) {
    $id = (string) (int) $id === $id ? (int) $id : $id;
    echo ($name === '' ? chat_token($id) : chat_token($id, ['name' => $name === 'null' ? null : $name])) . ' ' . chat_signature($id) . "\n";
}
