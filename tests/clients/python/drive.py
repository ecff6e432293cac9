"""Drives `aghfatehi-django-tamara`, a client that we did not write, through a whole payment against the sandbox.

Its views run in process, as Django's own test client runs them; its client talks to the sandbox. The checks are ours.
"""

import os
import sys
import urllib.request

import django
from django.conf import settings
from django.urls import include, path

BASE_URL = os.environ["TAMARA_URL"]

settings.configure(
    SECRET_KEY="tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "tamara"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    LOGGING_CONFIG=None,
    TAMARA_API_TOKEN="sandbox-sa",
    TAMARA_API_URLS={"SANDBOX": BASE_URL},
)
django.setup()

from django.test import Client  # noqa: E402
from tamara.client import client  # noqa: E402
from tamara.exceptions import TamaraException  # noqa: E402

urlpatterns = [path("tamara/", include("tamara.urls"))]


def sar(amount):
    return {"amount": amount, "currency": "SAR"}


def refused(call, *arguments):
    """What the client raises; it keeps the status as text only."""
    try:
        call(*arguments)
    except TamaraException as error:
        return str(error)
    raise AssertionError(f"{call.__name__} was not refused")


def equal(found, expected):
    assert found == expected, f"{found} instead of {expected}"


def pay(browser):
    """Opens a session by the package's own view and approves it; answers the order's id."""
    form = {"amount": "300", "phone": "551230045", "first_name": "Noura", "last_name": "Alharbi"}
    answer = browser.post("/tamara/pay", form | {"email": "noura@example.com"})
    assert answer.status_code == 302, answer.content
    assert answer.headers["Location"].startswith(f"{BASE_URL}/checkout/")
    checkout_id = browser.session["tamara_checkout_id"]
    request = urllib.request.Request(f"{BASE_URL}/_sandbox/sessions/{checkout_id}/approve", method="POST")
    urllib.request.urlopen(request).close()
    return browser.session["tamara_order_id"]


def main():
    types = client.get_payment_types(order_value=300, phone="966551230045")
    assert types and {"name", "min_limit", "max_limit"} <= types[0].keys(), types

    events = ["order_approved", "order_captured"]
    webhook = client.webhook_register("https://shop.example/hook", events)
    webhook_id = webhook["webhook_id"]
    # No headers are sent as an empty list and come back as one.
    equal(client.webhook_get(webhook_id)["headers"], [])
    assert webhook_id in [entry["webhook_id"] for entry in client.webhook_list()]
    client.webhook_update(webhook_id, "https://shop.example/hook2", events)
    client.webhook_delete(webhook_id)
    assert "404" in refused(client.webhook_get, webhook_id)

    browser = Client()
    order_id = pay(browser)
    equal(browser.get("/tamara/callback").json(), {"status": "approved", "order_id": order_id})
    equal(client.authorise_order(order_id)["status"], "authorised")
    assert "409" in refused(client.authorise_order, order_id)
    # Captures without shipping_info, as the package does unless it is told.
    captured = client.capture_order(order_id, {"total_amount": sar(300)})
    equal((captured["status"], captured["captured_amount"]["amount"]), ("fully_captured", 300))
    refunded = client.refund_order(order_id, 100.5, comment="one came back")
    equal((refunded["status"], refunded["refunded_amount"]["amount"]), ("partially_refunded", 100.5))
    order = client.get_order(order_id)
    equal(client.get_order_by_reference_id(order["order_reference_id"])["order_id"], order_id)
    equal((order["status"], order["refunded_amount"]["amount"]), ("partially_refunded", 100.5))

    # Its cancel sends an empty object, where Tamara documents total_amount as required.
    second = pay(browser)
    client.authorise_order(second)
    assert "400" in refused(client.cancel_order, second)
    equal(client.cancel_order(second, {"total_amount": sar(300)})["status"], "canceled")
    print("aghfatehi-django-tamara 2.0.1: paid, captured, refunded, cancelled")


if __name__ == "__main__":
    sys.exit(main())
