<?php // SECRET=whsec_… php -S 127.0.0.1:8000 receive.php
$key = base64_decode(substr(getenv('SECRET'), strlen('whsec_')));
$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
$body = file_get_contents('php://input'); // the bytes as they came

$expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
$verified = false;
foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $signature) {
    $verified = hash_equals($expected, $signature) || $verified;
}
if (!$verified || abs(time() - (int) $time) > 300) {
    http_response_code(401);
    exit;
}
error_log("$id $body"); // keep it, work on it later
http_response_code(204);
