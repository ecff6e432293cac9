<?php // php -S 127.0.0.1:9000 webhook.php
function decode(string $part): string {
    return (string) base64_decode(strtr($part, '-_', '+/'), true);
}

function isTamara(string $token): bool {
    $parts = explode('.', $token);
    if (count($parts) !== 3) {
        return false;
    }
    [$head, $claims, $signature] = $parts;
    $secret = getenv('NOTIFICATION_TOKEN') ?: 'sandbox-sa-notification';
    $expected = hash_hmac('sha256', "$head.$claims", $secret, true);
    $said = json_decode(decode($claims), true);
    return (json_decode(decode($head), true)['alg'] ?? '') === 'HS256'
        && hash_equals($expected, decode($signature))
        && ($said['iss'] ?? '') === 'Tamara' && ($said['exp'] ?? 0) + 60 > time();
}

$known = isTamara(preg_replace('/^Bearer /', '', $_SERVER['HTTP_AUTHORIZATION'] ?? ''));
http_response_code($known ? 200 : 401);
if ($known) { // The token says who calls, not what is true: read the order before acting on an event.
    $event = json_decode(file_get_contents('php://input'), true);
    file_put_contents('php://stdout', "{$event['event_type']} {$event['order_id']}\n");
}
