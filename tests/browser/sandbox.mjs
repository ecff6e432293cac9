// `datepalm sandbox` and a store that sends customers to it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Server, freePort } from "./server.mjs";

const CURRENCIES = { SA: "SAR", AE: "AED", KW: "KWD" };
// A phone is asked for an identity once, so every session has a new one.
const PHONES = { SA: 551_000_000, AE: 501_000_000, KW: 51_000_000 };

export class Sandbox extends Server {
  static async create(binary) {
    const [port, store] = [await freePort(), await openStore()];
    const url = `http://127.0.0.1:${port}`;
    const countries = Object.keys(CURRENCIES).flatMap((country) => ["--country", country]);
    const options = ["sandbox", "--listen", `127.0.0.1:${port}`, ...countries];
    const sandbox = new Sandbox(binary, options, [`${url}/_sandbox/state`]);
    const shop = `http://127.0.0.1:${store.address().port}`;
    Object.assign(sandbox, { url, store, shop, origins: [url, shop], sessions: 0 });
    await sandbox.start();
    return sandbox;
  }

  async remove() {
    this.store.closeAllConnections();
    this.store.close();
    await super.remove();
  }

  // Opens a session as a shop of that country would; answers Tamara's answer.
  async open(country, { locale = "en_US", total = 575, phone = this.freshPhone(country), instalments = 3 } = {}) {
    const money = (amount) => ({ amount, currency: CURRENCIES[country] });
    const discount = 20;
    return this.call(country, "POST", "/checkout", {
      order_reference_id: `T-${this.sessions}`,
      total_amount: money(total),
      shipping_amount: money(0),
      tax_amount: money(0),
      discount: { name: "Welcome", amount: money(discount) },
      description: "Order of a test",
      country_code: country,
      payment_type: "PAY_BY_INSTALMENTS",
      instalments,
      items: [
        item("LAMP", "Desk lamp", 2, money(total + discount - 125)),
        item("OUD", "عود كمبودي فاخر، ربع تولة", 1, money(125)),
      ],
      consumer: { first_name: "Noura", last_name: "Alharbi", phone_number: phone, email: "noura@example.com" },
      shipping_address: { first_name: "Noura", last_name: "Alharbi", line1: "12 Olaya St", city: "Riyadh", country_code: country },
      merchant_url: { success: `${this.shop}/success`, failure: `${this.shop}/failure`, cancel: `${this.shop}/cancel` },
      locale,
    });
  }

  // As a till does that shows a code to scan.
  async openAtTill(country, { locale = "en_US" } = {}) {
    const amount = { amount: 575, currency: CURRENCIES[country] };
    const body = { amount, locale, platform: "TEST_POS_QR", additional_data: { store_code: "OLAYA" } };
    return this.call(country, "POST", "/checkout/in-store", body);
  }

  freshPhone(country) {
    this.sessions += 1;
    return String(PHONES[country] + this.sessions);
  }

  async status(country, order) {
    return (await this.call(country, "GET", `/orders/${order}`)).status;
  }

  async call(country, method, path, body) {
    const headers = { authorization: `Bearer sandbox-${country.toLowerCase()}`, "content-type": "application/json" };
    headers["x-device-id"] = "till-3";
    const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  }

  // What a test may do behind the customer's back.
  async control(path, body = {}) {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const answer = await fetch(`${this.url}/_sandbox/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  }
}

function item(sku, name, quantity, total) {
  return { reference_id: sku, type: "Physical", name, sku, quantity, total_amount: total };
}

function openStore() {
  return new Promise((resolve) => {
    const page = "<!doctype html><html lang=en><title>Store</title><link rel=icon href='data:,'><h1>Store</h1>";
    const store = createServer((_, response) => response.setHeader("content-type", "text/html").end(page));
    store.listen(0, "127.0.0.1", () => resolve(store));
  });
}
