<?php

require __DIR__ . '/verify_webhook.php';

foreach (json_decode(file_get_contents('php://stdin'), true) as ['headers' => $headers, 'body' => $body]) {
    // As getallheaders() writes their names.
    $named = array_combine(array_map(fn($name) => ucwords($name, '-'), array_keys($headers)), $headers);
    echo verify_webhook($named, $body) ? "true\n" : "false\n";
}
