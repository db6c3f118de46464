<?php

require __DIR__ . '/../chat_token.php';

session_start();
?>
<!doctype html><meta charset="utf-8">
<script type="module" async src="<?= getenv('GATEWAY') ?>/v1/chat-session.js"></script>
<body><?php require __DIR__ . '/../chat_tag.php' ?></body>
