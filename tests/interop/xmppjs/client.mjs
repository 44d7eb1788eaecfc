// SPDX-License-Identifier: MIT
// client.mjs - xmpp.js, driven by lines (client_protocol.md).
import readline from "node:readline";
import { client, jid, xml } from "@xmpp/client";

const [port, mode, address, password] = process.argv.slice(2);
const { local, domain, resource } = jid(address);
const NS_ROSTER = "jabber:iq:roster";

// The certificate is checked: NODE_EXTRA_CA_CERTS names it.
const xmpp = client({
  service: `${mode === "tls" ? "xmpps" : "xmpp"}://${domain}:${port}`,
  domain,
  resource,
  username: local,
  password,
});

function say(...words) {
  process.stdout.write(words.map((word) => word ?? "").join("\t") + "\n");
}

function sayItems(query) {
  for (const item of query.getChildren("item")) {
    say("item", item.attrs.jid, item.attrs.subscription, item.attrs.name);
  }
}

let id = 0;
function setItem(attributes) {
  const query = xml("query", { xmlns: NS_ROSTER }, xml("item", attributes));
  return xmpp.send(xml("iq", { type: "set", id: `set${id++}` }, query));
}

async function obey(line) {
  const [verb, to, text] = line.split("\t");
  if (verb === "message") {
    await xmpp.send(xml("message", { type: "chat", to }, xml("body", {}, text)));
  } else if (verb === "add") {
    await setItem({ jid: to, name: text });
  } else if (verb === "remove") {
    await setItem({ jid: to, subscription: "remove" });
  } else if (verb === "quit") {
    await xmpp.send(xml("presence", { type: "unavailable" }));
    await xmpp.stop();
    process.exit(0);
  } else {
    await xmpp.send(xml("presence", { to, type: verb }));
  }
}

// What comes in one piece with <enabled/>, 0.13 forgets to count, and then it says for ever that it
// has not got its last message. So without XEP-0198, as it were; 0.14 has it in fast.mjs.
xmpp.prependListener("element", (element) => {
  if (element.is("features")) {
    element.children = element.children.filter((child) => !child.is?.("sm", "urn:xmpp:sm:3"));
  }
});

xmpp.reconnect.stop();
xmpp.on("error", (error) => {
  if (error.name === "SASLError") {
    say("refused");
  }
  console.error(error);
});
xmpp.on("offline", () => say("offline"));

xmpp.iqCallee.set(NS_ROSTER, "query", (context) => {
  sayItems(context.element);
  return true;
});

xmpp.on("stanza", (stanza) => {
  if (stanza.is("message") && stanza.getChildText("body") !== null) {
    say("message", stanza.attrs.from, stanza.getChildText("body"));
  } else if (stanza.is("presence")) {
    say("presence", stanza.attrs.from, stanza.attrs.type ?? "available");
  }
});

xmpp.on("online", async (bound) => {
  say("online", bound.toString());
  sayItems(await xmpp.iqCaller.get(xml("query", { xmlns: NS_ROSTER })));
  await xmpp.send(xml("presence"));
  say("ready");
  readline.createInterface({ input: process.stdin }).on("line", obey);
});

xmpp.start().catch((error) => {
  console.error(error);
  process.exit(1);
});
