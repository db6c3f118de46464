<?php

session_start();
$_SESSION = ['user_id' => $_GET['id'], 'name' => $_GET['name']];
header('Location: /');
