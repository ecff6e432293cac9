#!/bin/sh
set -eu
tamara=${TAMARA_URL:-http://127.0.0.1:8081}
here=$(dirname "$0")

call() { curl -sSf -X "$1" "$tamara$2" -H 'Authorization: Bearer sandbox-sa' -H 'Content-Type: application/json' -d "${3:-}"; }
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

if [ -n "${WEBHOOK_URL:-}" ]; then
  events='["order_approved","order_authorised","order_captured","order_refunded"]'
  call POST /webhooks "{\"type\":\"order\",\"events\":$events,\"url\":\"$WEBHOOK_URL\"}" >/dev/null
fi

session=$(call POST /checkout "$(cat "$here/../checkout.json")")
order=$(echo "$session" | field order_id)
echo "a customer would open $(echo "$session" | field checkout_url)"
call POST "/_sandbox/sessions/$(echo "$session" | field checkout_id)/approve" '{"plan":"3"}' >/dev/null # only here, not at Tamara

call POST "/orders/$order/authorise" >/dev/null
call POST /payments/capture "{\"order_id\":\"$order\",\"total_amount\":{\"amount\":300,\"currency\":\"SAR\"},
  \"shipping_info\":{\"shipped_at\":\"$(date -u +%FT%TZ)\",\"shipping_company\":\"Aramex\"}}" >/dev/null
call POST "/payments/simplified-refund/$order" '{"total_amount":{"amount":100,"currency":"SAR"},"comment":"one came back"}' >/dev/null
call GET "/orders/$order" | sed -n 's/.*"status":"\([a-z]*_*refunded\)".*/\1/p' # partially_refunded
