import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { PORT = "9000", NOTIFICATION_TOKEN = "sandbox-sa-notification" } = process.env;
const decode = (part) => JSON.parse(Buffer.from(part, "base64url"));

function isTamara(token) {
  try {
    const [head, claims, signature] = token.split(".");
    const expected = createHmac("sha256", NOTIFICATION_TOKEN).update(`${head}.${claims}`).digest();
    const { iss, exp } = decode(claims);
    return decode(head).alg === "HS256" && timingSafeEqual(Buffer.from(signature, "base64url"), expected) &&
      iss === "Tamara" && exp + 60 > Date.now() / 1000;
  } catch {
    return false;
  }
}

createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const known = isTamara((request.headers.authorization ?? "").replace(/^Bearer /, ""));
  // The token says who calls, not what is true: read the order before acting on an event.
  if (known) console.log(JSON.parse(body).event_type, JSON.parse(body).order_id);
  response.writeHead(known ? 200 : 401).end();
}).listen(PORT, "127.0.0.1");
