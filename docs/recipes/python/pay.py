import json, os, pathlib, urllib.request
from datetime import datetime, timezone

TAMARA_URL = os.environ.get("TAMARA_URL", "http://127.0.0.1:8081")

def tamara(method, path, body=None):
    headers = {"Authorization": "Bearer sandbox-sa", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(TAMARA_URL + path, data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

events = ["order_approved", "order_authorised", "order_captured", "order_refunded"]
if url := os.environ.get("WEBHOOK_URL"):
    tamara("POST", "/webhooks", {"type": "order", "events": events, "url": url})

cart = json.loads((pathlib.Path(__file__).parent.parent / "checkout.json").read_text())
session = tamara("POST", "/checkout", cart)
order_id, checkout_id = session["order_id"], session["checkout_id"]
print("a customer would open", session["checkout_url"])
tamara("POST", f"/_sandbox/sessions/{checkout_id}/approve", {"plan": "3"})  # only here, not at Tamara

sar = lambda amount: {"amount": amount, "currency": "SAR"}
tamara("POST", f"/orders/{order_id}/authorise")
shipping = {"shipped_at": datetime.now(timezone.utc).isoformat(), "shipping_company": "Aramex"}
tamara("POST", "/payments/capture", {"order_id": order_id, "total_amount": sar(300), "shipping_info": shipping})
tamara("POST", f"/payments/simplified-refund/{order_id}", {"total_amount": sar(100), "comment": "one came back"})
print(tamara("GET", f"/orders/{order_id}")["status"])  # partially_refunded
