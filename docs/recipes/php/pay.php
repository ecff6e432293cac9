<?php
function tamara(string $method, string $path, ?array $body = null): array {
    $url = (getenv('TAMARA_URL') ?: 'http://127.0.0.1:8081') . $path;
    $http = ['method' => $method, 'ignore_errors' => true,
        'header' => "Authorization: Bearer sandbox-sa\r\nContent-Type: application/json",
        'content' => $body === null ? '' : json_encode($body)];
    $json = file_get_contents($url, false, stream_context_create(['http' => $http]));
    if (!str_contains($http_response_header[0], ' 200')) {
        throw new RuntimeException("$method $path: $http_response_header[0] $json");
    }
    return json_decode($json, true);
}

$events = ['order_approved', 'order_authorised', 'order_captured', 'order_refunded'];
if ($url = getenv('WEBHOOK_URL')) {
    tamara('POST', '/webhooks', ['type' => 'order', 'events' => $events, 'url' => $url]);
}

$cart = json_decode(file_get_contents(__DIR__ . '/../checkout.json'), true);
['order_id' => $order, 'checkout_id' => $checkout, 'checkout_url' => $page] = tamara('POST', '/checkout', $cart);
echo "a customer would open $page\n";
tamara('POST', "/_sandbox/sessions/$checkout/approve", ['plan' => '3']); // only here, not at Tamara

$sar = fn ($amount) => ['amount' => $amount, 'currency' => 'SAR'];
tamara('POST', "/orders/$order/authorise");
$shipping = ['shipped_at' => date(DATE_RFC3339), 'shipping_company' => 'Aramex'];
tamara('POST', '/payments/capture', ['order_id' => $order, 'total_amount' => $sar(300), 'shipping_info' => $shipping]);
tamara('POST', "/payments/simplified-refund/$order", ['total_amount' => $sar(100), 'comment' => 'one came back']);
echo tamara('GET', "/orders/$order")['status'], "\n"; // partially_refunded
