import { readFile } from "node:fs/promises";

const { TAMARA_URL = "http://127.0.0.1:8081", WEBHOOK_URL } = process.env;

async function tamara(method, path, body) {
  const headers = { authorization: "Bearer sandbox-sa", "content-type": "application/json" };
  const answer = await fetch(TAMARA_URL + path, { method, headers, body: body && JSON.stringify(body) });
  const json = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(json)}`);
  return json;
}

const events = ["order_approved", "order_authorised", "order_captured", "order_refunded"];
if (WEBHOOK_URL) await tamara("POST", "/webhooks", { type: "order", events, url: WEBHOOK_URL });

const cart = JSON.parse(await readFile(new URL("../checkout.json", import.meta.url)));
const { order_id, checkout_id, checkout_url } = await tamara("POST", "/checkout", cart);
console.log("a customer would open", checkout_url);
await tamara("POST", `/_sandbox/sessions/${checkout_id}/approve`, { plan: "3" }); // only here, not at Tamara

const sar = (amount) => ({ amount, currency: "SAR" });
await tamara("POST", `/orders/${order_id}/authorise`);
const shipping_info = { shipped_at: new Date().toISOString(), shipping_company: "Aramex" };
await tamara("POST", "/payments/capture", { order_id, total_amount: sar(300), shipping_info });
await tamara("POST", `/payments/simplified-refund/${order_id}`, { total_amount: sar(100), comment: "one came back" });
console.log((await tamara("GET", `/orders/${order_id}`)).status); // partially_refunded
