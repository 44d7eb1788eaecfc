#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""administrator.py - slixmpp's commands of administrators (XEP-0050, XEP-0133) against the server:
an account is added, used, disabled and counted; and a command of two stages, forth and back."""

import asyncio
import os
import pathlib
import sys
import tempfile

import slixmpp

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import servers  # noqa: E402

PASSWORD = "s3nha-de-ensaio"
NS_ADMIN = "http://jabber.org/protocol/admin"


def check(claim, *words):
    if not claim:
        raise AssertionError(" ".join(str(word) for word in words))


class Client(slixmpp.ClientXMPP):
    def __init__(self, user, port):
        super().__init__(f"{user}@localhost/r", PASSWORD)
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = 0
        for plugin in ("xep_0030", "xep_0004", "xep_0050", "xep_0133"):
            self.register_plugin(plugin)
        self.came = []
        self.started = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.settle(True))
        self.add_event_handler("failed_all_auth", lambda _: self.settle(False))
        self.add_event_handler("message", lambda m: self.came.append(m["body"]))
        self.connect(("127.0.0.1", port))

    def settle(self, is_in):
        if not self.started.done():
            self.started.set_result(is_in)

    async def command(self, node, *stages, action="complete"):
        """Each of STAGES are the values of one form, or "prev". Returns the last answer."""
        loop = asyncio.get_event_loop()
        answered = [loop.create_future() for _ in range(len(stages) + 1)]
        at = iter(answered)

        def went_on(iq, session):
            next(at).set_result((iq, session))

        def failed(iq, session):
            next(at).set_exception(AssertionError(iq["error"]["condition"]))

        session = {"next": went_on, "error": failed}
        self["xep_0050"].start_command("localhost", node, session)
        iq, session = await asyncio.wait_for(answered[0], 20)
        for i, stage in enumerate(stages):
            session["next"] = went_on
            if stage == "prev":
                self["xep_0050"].continue_command(session, direction="prev")
            else:
                form = self["xep_0004"].make_form(ftype="submit")
                form.add_field(var="FORM_TYPE", ftype="hidden", value=NS_ADMIN)
                for var, value in stage.items():
                    form.add_field(var=var, value=value)
                session["payload"] = form
                is_last = i + 1 == len(stages)
                self["xep_0050"].continue_command(session,
                                                  direction=action if is_last else "next")
            iq, session = await asyncio.wait_for(answered[i + 1], 20)
        check(iq["command"]["status"] == "completed", node, iq)
        return iq


async def log_in(user, port, wanted=True):
    client = Client(user, port)
    check(await asyncio.wait_for(client.started, 20) == wanted, user, "logs in:", not wanted)
    return client


async def story(port):
    admin = await log_in("admin", port)
    admin.send_presence()
    listed = await admin["xep_0133"].get_commands()
    nodes = {item[1] for item in listed["disco_items"]["items"]}
    check(f"{NS_ADMIN}#add-user" in nodes and len(nodes) >= 29, nodes)
    await admin.command(f"{NS_ADMIN}#add-user",
                        {"accountjid": "nurse@localhost", "password": PASSWORD,
                         "password-verify": PASSWORD})
    nurse = await log_in("nurse", port)
    nurse.send_presence()
    count = await admin.command(f"{NS_ADMIN}#get-online-users-num")
    values = count["command"]["form"].get_values()
    check(values["onlineusersnum"] == "2", values)
    await admin.command(f"{NS_ADMIN}#announce", {"announcement": "The kitchen closes."})
    for _ in range(100):
        if nurse.came:
            break
        await asyncio.sleep(0.05)
    check(nurse.came == ["The kitchen closes."], nurse.came)
    await admin.command("account", {"accountjid": "nurse@localhost"}, "prev",
                        {"accountjid": "nurse@localhost"}, {"do": "disable"})
    await (await log_in("nurse", port, False)).disconnect(wait=1)
    await admin.command(f"{NS_ADMIN}#delete-user", {"accountjids": ["nurse@localhost"]})
    await admin.disconnect(wait=1)


def main():
    if os.environ["RECADO_INTEROP_SERVER"] != "recado":
        print("SKIP administrator: made for Recado's administrators")
        sys.exit(77)
    build = os.environ["RECADO_INTEROP_SERVER_BUILD"]
    with tempfile.TemporaryDirectory(prefix="recado-interop-") as scratch:
        server = servers.Recado(scratch, build)
        server.prepare({})
        with server.config.open("a") as config:
            config.write('admins = ["admin@localhost"];\n')
        server.launch()
        try:
            server.populate({"admin": PASSWORD})
            asyncio.run(asyncio.wait_for(story(server.port), 60))
        except Exception:
            print(server.log.read_text(errors="replace")[-2000:])
            raise
        finally:
            ended = server.stop()
        check(ended == 0, "recadod ended with", ended)
    print("ok administrator")


if __name__ == "__main__":
    main()
