// Drives `tamara-sdk`, a client that we did not write, through a whole payment against the sandbox.
// Its order of calls is a shop's; the checks are ours.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import sdk from "tamara-sdk";

const baseUrl = process.env.TAMARA_URL;
const settings = { baseUrl, apiToken: "sandbox-sa", notificationPrivateKey: "sandbox-sa-notification" };
const tamara = sdk.TamaraClientFactory.createApiClient(settings);
const stranger = sdk.TamaraClientFactory.createApiClient({ ...settings, apiToken: "unknown" });
const notifications = sdk.TamaraClientFactory.createNotificationService(settings);
// The service logs without asking whether a log was configured.
notifications._logger.info = notifications._logger.error = () => {};

/** The data of an answer that has to be a success. */
function data({ meta, data }) {
  assert.ok(meta.isSuccess, JSON.stringify(meta));
  return data;
}

/** What the client makes of a refusal. */
function refusal({ meta }) {
  assert.equal(meta.isSuccess, false);
  return [meta.status, ...(meta.errorCodes ?? [])].join(" ");
}

const sar = (amount) => ({ amount, currency: "SAR" });

function order(referenceId) {
  const address = {
    firstName: "Noura", lastName: "Alharbi", line1: "12 Olaya Street", city: "Riyadh", postalCode: "12345",
    countryCode: "SA", phoneNumber: "551230045",
  };
  const item = {
    referenceId: "1", type: "Digital", name: "Desk lamp", sku: "LAMP-01", quantity: 1,
    imageUrl: "https://shop.example/lamp.jpg", unitPrice: sar("300.00"), totalAmount: sar("300.00"),
    taxAmount: sar("0.00"), discountAmount: sar("0.00"),
  };
  return {
    referenceId, totalAmount: sar("300.00"), shippingAmount: sar("0.00"), taxAmount: sar("0.00"),
    description: "An order", countryCode: "SA", paymentType: "PAY_BY_LATER", locale: "en_US", platform: "tests",
    isMobile: false, items: [item], billingAddress: address, shippingAddress: address,
    consumer: {
      firstName: "Noura", lastName: "Alharbi", phoneNumber: "551230045", email: "noura@example.com",
      nationalId: "123456", dateOfBirth: "1988-01-01", isFirstOrder: true,
    },
    merchantUrl: {
      successUrl: "https://shop.example/success", failureUrl: "https://shop.example/failure",
      cancelUrl: "https://shop.example/cancel",
    },
    riskAssessment: { customer_age: 22, has_cod_failed: true },
  };
}

async function approve(checkoutId) {
  const answer = await fetch(`${baseUrl}/_sandbox/sessions/${checkoutId}/approve`, { method: "POST" });
  assert.equal(answer.status, 200);
}

/** Collects what the client's own notification service makes of webhooks, until `count` came. */
async function receiver(count) {
  const messages = [];
  let finish;
  const all = new Promise((resolve) => (finish = resolve));
  const server = createServer(async (request, response) => {
    const message = await notifications.processWebhook(request);
    response.writeHead(message.meta.status).end();
    messages.push(message.data);
    if (messages.length === count) finish(messages);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}/`, all, close: () => server.close() };
}

const types = data(await tamara.getPaymentTypes("SA", { amount: 300, currency: "SAR" }));
assert.ok(types.length > 0 && types[0].minLimit.currency === "SAR" && types[0].name);

const hook = await receiver(4);
const events = ["order_approved", "order_authorised", "order_captured", "order_refunded"];
const { webhookId } = data(await tamara.registerWebhook({ url: hook.url, events, headers: { "x-shop": "tests" } }));
assert.equal(data(await tamara.retrieveWebhook(webhookId)).url, hook.url);

const checkout = data(await tamara.createCheckout(order("SDK-1")));
assert.ok(checkout.checkoutUrl.startsWith(`${baseUrl}/checkout/${checkout.checkoutId}`));
const { orderId } = checkout;
assert.equal(refusal(await tamara.authoriseOrder(orderId)), "409 transition_not_allowed");
await approve(checkout.checkoutId);
const authorised = data(await tamara.authoriseOrder(orderId));
assert.deepEqual([authorised.orderStatus, authorised.autoCaptured, authorised.authorizedAmount.amount], ["authorised", false, 300]);
const shippingInfo = { shippedAt: "2026-03-02T09:14:05Z", shippingCompany: "DHL", trackingNumber: "123456" };
const { captureId } = data(await tamara.capture({ orderId, totalAmount: sar("300.00"), shippingInfo }));
assert.ok(captureId);
const refunded = data(await tamara.refund({ orderId, totalAmount: sar("50.00"), comment: "test refund" }));
assert.equal(refunded.refundedAmount.amount, 50);
assert.match(refusal(await tamara.refund({ orderId, totalAmount: sar("250.01"), comment: "too much" })), /^4\d\d/);

data(await tamara.updateOrderReferenceId({ orderId, referenceId: "SDK-2" }));
const details = data(await tamara.getOrderDetailsByReference("SDK-2"));
assert.deepEqual(
  [details.id, details.status, details.capturedAmount.amount, details.refundedAmount.amount, details.discountAmount.amount.amount],
  [orderId, "partially_refunded", 300, 50, 0],
);

const messages = await hook.all;
assert.deepEqual(messages.map((message) => message.orderId ?? message.order_id), Array(4).fill(orderId));
hook.close();
data(await tamara.removeWebhook(webhookId));

const second = data(await tamara.createCheckout(order("SDK-3")));
await approve(second.checkoutId);
data(await tamara.authoriseOrder(second.orderId));
const canceled = data(await tamara.cancelOrder({ orderId: second.orderId, totalAmount: sar("300.00") }));
assert.ok(canceled.cancelId ?? canceled.cancel_id);
assert.equal(data(await tamara.getOrderDetails(second.orderId)).status, "canceled");

assert.equal(refusal(await stranger.getOrderDetails(orderId)), "401");
// The client writes its one discount as plain Money, where Tamara documents {name, amount}.
assert.match(refusal(await tamara.createCheckout({ ...order("SDK-4"), discountAmount: sar("0.00") })), /^400 /);
console.log("tamara-sdk 1.0.7: paid, captured, refunded, cancelled");
