// SPDX-License-Identifier: MIT
// client.mjs - xmpp.js, driven by lines (client_protocol.md).
import readline from "node:readline";
import { client, jid, xml } from "@xmpp/client";

const [port, mode, address, password] = process.argv.slice(2);
const { local, domain, resource } = jid(address);
const NS_ROSTER = "jabber:iq:roster";
const NS_MUC = "http://jabber.org/protocol/muc";
const NS_RETRACT = "urn:xmpp:message-retract:1";

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
  } else if (verb === "join") {
    const x = xml("x", { xmlns: NS_MUC }, xml("history", { maxchars: "0" }));
    await xmpp.send(xml("presence", { to: `${to}/${text}` }, x));
  } else if (verb === "say") {
    await xmpp.send(xml("message", { type: "groupchat", to }, xml("body", {}, text)));
  } else if (verb === "leave") {
    await xmpp.send(xml("presence", { to: `${to}/${text}`, type: "unavailable" }));
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

function sayRoom(stanza) {
  const from = stanza.attrs.from;
  const retract = stanza.getChild("retract", NS_RETRACT);
  const codes = (stanza.getChild("x", `${NS_MUC}#user`)?.getChildren("status") ?? []).map(
    (status) => status.attrs.code,
  );
  if (retract?.getChild("moderated") !== undefined) {
    say("retracted", from, retract.attrs.id);
  } else if (stanza.is("message") && stanza.getChildText("body") !== null) {
    say("groupchat", from, stanza.getChildText("body"), stanza.getChild("stanza-id")?.attrs.id);
  } else if (stanza.is("presence") && codes.includes("110")) {
    const others = codes.filter((code) => code !== "110").sort();
    say(stanza.attrs.type === "unavailable" ? "left" : "joined", from, ...others);
  }
}

xmpp.on("stanza", (stanza) => {
  sayRoom(stanza);
  if (stanza.attrs.type === "groupchat") {
    return;
  }
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
