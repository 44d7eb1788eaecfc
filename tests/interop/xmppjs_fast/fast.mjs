// SPDX-License-Identifier: MIT
// fast.mjs - xmpp.js logs in by SASL2 with a password, then twice with what it got for it (FAST).
import assert from "node:assert/strict";
import { client, xml } from "@xmpp/client";

const [port, domain, username, password] = process.argv.slice(2);
const userAgent = xml("user-agent", { id: crypto.randomUUID() }, xml("software", {}, "xmpp.js"));
const used = [];

// One login, up to the answer to a ping; TOKEN null: none yet. Returns address and newest token.
async function logIn(password, token) {
  let saved = token;
  const xmpp = client({
    service: `xmpps://${domain}:${port}`,
    domain,
    resource: "xmpp.js",
    username,
    password,
    userAgent,
  });
  xmpp.reconnect.stop();
  xmpp.fast.fetchToken = async () => saved;
  xmpp.fast.saveToken = async (newer) => {
    saved = newer;
  };
  xmpp.fast.deleteToken = async () => {
    saved = null;
  };
  xmpp.on("send", (element) => {
    if (element.name === "authenticate") {
      used.push(element.attrs.mechanism);
    }
  });
  xmpp.on("error", (error) => console.error(error));
  await xmpp.start();
  await xmpp.iqCaller.request(xml("iq", { type: "get", to: domain }, xml("ping", "urn:xmpp:ping")));
  const address = xmpp.jid.toString();
  await xmpp.stop();
  return { address, saved };
}

const first = await logIn(password, null);
assert.match(first.address, /\/xmpp\.js\/./);
assert.equal(first.saved.mechanism, "HT-SHA-256-NONE");
const second = await logIn("not the password", first.saved);
assert.equal(second.address, first.address, "the device has another resource");
assert.deepEqual(second.saved, first.saved);
// A token that nobody gave: it is thrown away, and the password opens the account.
const forged = { ...first.saved, token: first.saved.token.replace(/^./, (c) => (c === "0" ? "1" : "0")) };
const third = await logIn(password, forged);
assert.notEqual(third.saved.token, forged.token);
assert.deepEqual(used, ["SCRAM-SHA-1", "HT-SHA-256-NONE", "HT-SHA-256-NONE", "SCRAM-SHA-1"]);
console.log(`${used.join(", ")} as ${first.address}`);
process.exit(0);
