#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares the preparation of addresses with independent implementations (SEC-56).

  jid_differential.py PATH/jid-tool [ROUNDS [SEED]]

Localparts, resources and passwords against precis_i18n, domains against the package idna (IDNA 2008),
and the check of new accounts against Nodeprep made from Python's own tables of RFC 3454. Every
difference must belong to a class that is named here with its reason; any other one is a failure.
Then the property for which accounts are checked: no writing of a name leads to two accounts, one by
PRECIS and another one by Nodeprep.
"""

import collections
import random
import stringprep
import subprocess
import sys
import unicodedata

try:
    import idna
    import precis_i18n
except ImportError as error:
    print(f"SKIP: {error}; install python3-precis-i18n and python3-idna")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)

FORBIDDEN = set("\"&'/:<>@")  # RFC 7622 §3.3.1
USERNAME = precis_i18n.get_profile("UsernameCaseMapped")
OPAQUE = precis_i18n.get_profile("OpaqueString")
ucd32 = unicodedata.ucd_3_2_0

ALPHABETS = [
    "abcxyzABCXYZ0189.-_+",
    "lL·l·",
    "äöüßÄÖÜẞéÉıİiIſKÅŉǰﬁﬀ",
    "αβγςσΣΑΒΓ͵ΐΰᾳΩ",
    "абвгАБВГёЁрсоу",
    "אבגשש״׳0123",
    "ابتث٠١٢۰۱۲ـ",
    "ａＢ１＠／：＜＆ｱｶﾞﾊﾟ￣　",
    "かなカナ漢字・ー々〇",
    "가각힣\u1100\u1161\u11a8ㄱ",
    "\u0300\u0301\u0307\u0308\u0323\u0327\u0345\u0338\u20d6",
    "\u200c\u200d\u00ad\u2060\ufe0f\u034f\u094d\u0a4d\u0915\u0628\u0627\u064b\ua872",
    "♚☺👩💻❤🇺🇸①Ⅳ¼²™",
    " \u00a0\u1680\u2003\u202f\u3000\t\n\x7f\x85\u2028",
    "\"&'/:<>@!#$%()*,;=?[]^`{|}~\\",
    "ᎠᎡꭰꭱᲐაⰀⰰ𐐀𐐨",
    "\ue000\U000f0000\ufffd\ufffe\u0378\U000e0001",
]


class Tool:
    """jid-tool, asked in batches."""

    def __init__(self, path):
        self.path = path

    def ask(self, what, texts):
        lines = "".join(f"{what} {text.encode().hex()}\n" for text in texts)
        done = subprocess.run([self.path], input=lines, capture_output=True, text=True, check=True)
        answers = done.stdout.split("\n")[:-1]
        assert len(answers) == len(texts), "jid-tool answered too few lines"
        return [(bytes.fromhex(a[1:]).decode(), None) if a[0] == "=" else (None, a[1:])
                for a in answers]


class Score:
    """Of one comparison, which counts as one test."""

    def __init__(self, name):
        self.name = name
        self.texts = self.wrongs = 0
        self.classes = collections.Counter()

    def same(self):
        self.texts += 1

    def explained(self, reason):
        self.texts += 1
        self.classes[reason] += 1

    def wrong(self, text, ours, theirs):
        self.texts += 1
        self.wrongs += 1
        if self.wrongs <= 20:
            print(f"FAIL {self.name} {text!a}: ours {ours!a}, theirs {theirs!a}")

    def report(self):
        print(f"{self.name}: {self.texts} texts, {self.wrongs} unexplained differences")
        for name, count in self.classes.most_common():
            print(f"  {count:6} {name}")


def random_text(rng):
    chars = []
    alphabets = rng.choices(ALPHABETS, k=rng.choice([1, 1, 2, 2, 3]))
    for _ in range(rng.randint(1, 8)):
        if rng.random() < 0.03:
            code = rng.randrange(0x80, 0x2fa20)
            chars.append("x" if 0xd800 <= code < 0xe000 else chr(code))
        else:
            chars.append(rng.choice(rng.choice(alphabets)))
    return "".join(chars)


def all_texts(rng, rounds):
    texts = ["".join(random_text(rng)) for _ in range(rounds)]
    # Code points alone, and between letters; each run takes another part of them.
    texts += [chr(c) for c in range(1, 0x3000) if not 0xd800 <= c < 0xe000]
    texts += [f"a{chr(c)}b" for c in rng.sample(range(0x80, 0x32000), rounds)
              if not 0xd800 <= c < 0xe000]
    return texts


def enforce(profile, text):
    try:
        return profile.enforce(text)
    except UnicodeEncodeError:
        return None


# They decompose otherwise since Unicode 4 (Corrigenda 3 and 4) than they did for stringprep.
TWO_MEANINGS = set("\uf951\U0002f868\U0002f874\U0002f91f\U0002f95f\U0002f9bf")


def compare_precis(tool, score, what, profile, texts):
    for text, (ours, why) in zip(texts, tool.ask(what, texts)):
        theirs = enforce(profile, text)
        if ours == theirs:
            score.same()
        elif theirs and FORBIDDEN & set(theirs) and why and what == "local":
            score.explained("localparts exclude more than usernames do (RFC 7622 §3.3.1)")
        elif TWO_MEANINGS & set(text) and why and what == "local":
            score.explained("a character that Unicode 3.2 decomposed otherwise")
        elif any(unicodedata.category(c) == "Cn" for c in text) or why == "an unassigned code point":
            score.explained("a code point that one of the two versions of Unicode lacks")
        elif "Σ" in text and enforce(profile, "".join(c.lower() for c in text)) == ours:
            score.explained("Python guesses final sigmas; ours maps each code point alone")
        else:
            score.wrong(text, ours if ours else why, theirs)


def idna_prepare(text):
    try:
        # RFC 7622 §3.2.2 maps to lower case itself, where UTS 46 refuses or has other ideas: U+1E9E.
        lower = "".join(c.lower() for c in text)
        u_form = idna.decode(idna.encode(lower, uts46=True, std3_rules=True))
        u_form = u_form.removesuffix(".")
        # The package leaves ASCII labels with "--" in place 3 alone; they are reserved (RFC 5890).
        if any(label[2:4] == "--" for label in u_form.split(".")):
            return None
        return u_form
    except ValueError:  # IDNAError too is one, and the package lets plain ones slip out
        return None


def breaks_bidi_domain(name):
    """The package idna checks only the labels that are right-to-left themselves."""
    if not any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in name):
        return False
    for label in name.split("."):
        try:
            idna.core.check_bidi(label, check_ltr=True)
        except idna.IDNABidiError:
            return True
    return False


def compare_domains(tool, score, texts):
    for text, (ours, why) in zip(texts, tool.ask("domain", texts)):
        theirs = idna_prepare(text)
        if ours == theirs:
            score.same()
        elif any(unicodedata.category(c) == "Cn" for c in text) or why == "an unassigned code point":
            score.explained("a code point that one of the two versions of Unicode lacks")
        elif TWO_MEANINGS & set(text) and why:
            score.explained("a character that Unicode 3.2 decomposed otherwise")
        elif why and theirs and breaks_bidi_domain(theirs):
            score.explained("each label of a Bidi domain name has to obey the rule (RFC 5893 §2)")
        else:
            score.wrong(text, ours if ours else why, theirs)


def nodeprep(text, strict):
    """RFC 6122 appendix A over RFC 3454; STRICT: no code points unassigned in Unicode 3.2."""
    mapped = "".join("" if stringprep.in_table_b1(c) else stringprep.map_table_b2(c) for c in text)
    mapped = ucd32.normalize("NFKC", mapped)
    for c in mapped:
        if (c in FORBIDDEN or stringprep.in_table_c11_c12(c) or stringprep.in_table_c21_c22(c)
                or any(table(c) for table in (
                    stringprep.in_table_c3, stringprep.in_table_c4, stringprep.in_table_c5,
                    stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8,
                    stringprep.in_table_c9))):
            return None
    if strict and any(stringprep.in_table_a1(c) for c in text):
        return None
    if any(stringprep.in_table_d1(c) for c in mapped):
        if (any(stringprep.in_table_d2(c) for c in mapped)
                or not stringprep.in_table_d1(mapped[0]) or not stringprep.in_table_d1(mapped[-1])):
            return None
    return mapped or None


def compare_accounts(tool, score, texts):
    """Names that are prepared already: refused for Nodeprep's sake exactly when it differs."""
    prepared = sorted({ours for ours, _ in tool.ask("local", texts) if ours})
    for name, (ours, why) in zip(prepared, tool.ask("account", prepared)):
        old = nodeprep(name, True)
        says_old = bool(why) and "Nodeprep" in why
        if says_old == (old != name):
            score.same()
        else:
            score.wrong(name, ours if ours else why, old)
    return prepared


def check_one_meaning(tool, score, texts):
    """SEC-56: P(x) and N(x) are never two different names that may both be accounts."""
    by_precis = [ours for ours, _ in tool.ask("local", texts)]
    by_nodeprep = [nodeprep(text, False) for text in texts]
    names = sorted({n for n in by_precis + by_nodeprep if n})
    accounts = {n for n, (ours, _) in zip(names, tool.ask("account", names)) if ours}
    for text, new, old in zip(texts, by_precis, by_nodeprep):
        if new in accounts and old in accounts and new != old:
            score.wrong(text, new, old)
        else:
            score.same()
        if new and old and new != old:
            score.classes["PRECIS and Nodeprep disagree; at most one of the two names an account"] += 1


def main():
    tool = Tool(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 6000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(10**6)
    rng = random.Random(seed)
    texts = all_texts(rng, rounds)
    domains = texts + [f"{rng.choice(texts)}.{rng.choice(texts)}" for _ in range(rounds)]
    local, resource, password, domain, account, meaning = scores = [
        Score("localparts"), Score("resources"), Score("passwords"), Score("domains"),
        Score("new accounts"), Score("one meaning in both worlds")]

    print(f"seed {seed}; Unicode of Python {unicodedata.unidata_version}")
    compare_precis(tool, local, "local", USERNAME, texts)
    compare_precis(tool, resource, "resource", OPAQUE, texts)
    compare_precis(tool, password, "password", OPAQUE, texts)
    compare_domains(tool, domain, domains)
    compare_accounts(tool, account, texts)
    check_one_meaning(tool, meaning, texts)
    for score in scores:
        score.report()
    failed = sum(score.wrongs > 0 for score in scores)
    print(f"{len(scores) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
