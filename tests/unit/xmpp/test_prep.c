/* SPDX-License-Identifier: MIT */
/*
 * test_prep.c - the PRECIS profiles on their RFCs' examples and on published vectors, Nodeprep's
 * on those of stringprep.
 */
#include "test.h"

#include "xmpp/prep.h"

struct row {
	const char *in, *out; /* out NULL: refused */
};

/* RFC 8265 §3.5; the published vectors, which implementations in Go and Python hold to. */
static const struct row usernames[] = {
	{"juliet@example.com", "juliet@example.com"},
	{"fussball", "fussball"},
	{"fußball", "fußball"},
	{"henry\u2163", NULL},
	{"foo bar", NULL},
	{"", NULL},
	{"", NULL},
	{"#", "#"},
	{"\\", "\\"},
	{"\011", NULL},
	{"\012", NULL},
	{"\015", NULL},
	{"\037", NULL},
	{" ", NULL},
	{"!", "!"},
	{"~", "~"},
	{"\177", NULL},
	{"\302\200", NULL},
	{"\302\237", NULL},
	{"\u00a0", NULL},
	{"þ", "þ"},
	{"ÿ", "ÿ"},
	{"\ufeff", NULL},
	{"\ufffe", NULL},
	{"\U0010ffff", NULL},
	{"A\011A", NULL},
	{"\011A", NULL},
	{"\u2028", NULL},
	{"\u2029", NULL},
	{"A\u2028A", NULL},
	{"A\u2029A", NULL},
	{"~`!@#$%^&*()-_=+[{}]\\|;:'\",<.>/?", "~`!@#$%^&*()-_=+[{}]\\|;:'\",<.>/?"},
	{"Kevin", "kevin"},
	{"\u212aevin", "kevin"},
	{"Κevin", "κevin"},
	{"\u1e32evin", "\u1e33evin"},
	{"\u1e34evin", "\u1e35evin"},
	{"K\u0301evin", "\u1e31evin"},
	{"K\u0301\u0301evin", "\u1e31\u0301evin"},
	{"K\ua717evin", "k\ua717evin"},
	{"\u24c0evin", NULL},
	{"\u2c69evin", "\u2c6aevin"},
	{"\ua740evin", "\ua741evin"},
	{"\ua742evin", "\ua743evin"},
	{"\ua744evin", "\ua745evin"},
	{"\ua7a2evin", "\ua7a3evin"},
	{"\uff2bevin", "kevin"},
	{"\U000e004bevin", NULL},
	{"\U0001f11aevin", NULL},
	{"\U0001f13aevin", NULL},
	{"\U0001f15aevin", NULL},
	{"\U0001f17aevin", NULL},
	{"StPeter", "stpeter"},
	{"Juliet", "juliet"},
	{"Juliet@Example.COM", "juliet@example.com"},
	{"Fussball", "fussball"},
	{"Fußball", "fußball"},
	{"π", "π"},
	{"Σ", "σ"},
	{"σ", "σ"},
	{"ς", "ς"},
	{"ju1iet", "ju1iet"},
	{"Foo", "foo"},
	{"foo", "foo"},
	{"Foo Bar", NULL},
	{"foo bar", NULL},
	{"\u265a", NULL},
	{"Richard \u2163", NULL},
	{"\u0cf1", "\u0cf1"},
	{"\u0cf2", "\u0cf2"},
	{"\u19da", NULL},
	{"iİıI", "ii\u0307ıi"},
	{"I\u0307", "i\u0307"},
	{"ı\u0307", "ı\u0307"},
	{"A\ua717", "a\ua717"},
	{"é", "é"},
	{"e\u0301\u0301\u0301", "é\u0301\u0301"},
	{"e\u0301", "é"},
	{"o", "o"},
	{"ο", "ο"},
	{"о", "о"},
	{"\ufec9", NULL},
	{"\ufeca", NULL},
	{"\ufecb", NULL},
	{"\ufecc", NULL},
	{"\uff76", "\u30ab"},
	{"\u30ab", "\u30ab"},
	{"\u3300", NULL},
	{"\u30a2\u30d1\u30fc\u30c8", "\u30a2\u30d1\u30fc\u30c8"},
	{"i\u2079", NULL},
	{"\u00bc", NULL},
	{"ǆ", NULL},
	{"\u2e2f", "\u2e2f"},
	{"\u037e", ";"},
	{"\u1fef", "`"},
	{"\u212a", "k"},
	{"\uff01", "!"},
	{"\uff2a\uff55\uff4c\uff49\uff45\uff54", "juliet"},
	{"\uff04", "$"},
	{"Rs", "rs"},
	{"\U0001f1fa\U0001f1f8", NULL},
	{"K", "k"},
	{"Ω", "ω"},
	{"\u2126", "ω"},
	{"Ç", "ç"},
	{"C\u0327", "ç"},
	{"q\u0307\u0323", "q\u0323\u0307"},
	{"q\u0323\u0307", "q\u0323\u0307"},
	{"\uac00", "\uac00"},
	{"\u1100\u1161", "\uac00"},
	{"\u212b", "å"},
	{"A\u030a", "å"},
	{"s\u0323\u0307", "\u1e69"},
	{"\uac01", "\uac01"},
	{"\u1100\u1161\u11a8", "\uac01"},
	{"\U0001f47e", NULL},
	{"\U0001f49a", NULL},
	{"\u00ad", NULL},
	{"\u034f", NULL},
	{"\u1806", NULL},
	{"\u180b", NULL},
	{"\u180c", NULL},
	{"\u180d", NULL},
	{"\u200c", NULL},
	{"\u200d", NULL},
	{"Juliet Capulet", NULL},
	{" Juliet", NULL},
	{"Juliet ", NULL},
	{"Juliet  Capulet", NULL},
	{"\"Juliet\"", "\"juliet\""},
	{"'Juliet'", "'juliet'"},
	{"'Juliet '", NULL},
	{"' Juliet'", NULL},
	{"'Juliet Capulet'", NULL},
	{"'Juliet  Capulet'", NULL},
	{"\u05d0\u05d1", "\u05d0\u05d1"},
	{"\u05d0\u20d6\u05d1", "\u05d0\u20d6\u05d1"},
	{"\u05d0\u1ab6\u05d1", "\u05d0\u1ab6\u05d1"},
	{"\u05d0\u05d1+", NULL},
	{"+\u05d0\u05d1", NULL},
	{"A\u05d0\u05d1", NULL},
	{"\u05d0\u05d1A", NULL},
	{"\u05d0A\u05d1", NULL},
	{"\u05d0(/%\\))\u05d1", "\u05d0(/%\\))\u05d1"},
	{"Juliet+", "juliet+"},
	{"+Juliet", "+juliet"},
	{"Juliet\u05d1", NULL},
	{"\u0b47\u0300\u0b3e\u0323", "\u0b47\u0300\u0b3e\u0323"},
	{"\u1100\u0300\u1161\u0323", NULL},
	{"\u00b7", NULL},
	{"\u00b7l", NULL},
	{"l\u00b7", NULL},
	{"rul\u00b7lz", "rul\u00b7lz"},
	{"ruL\u00b7Lz", "rul\u00b7lz"},
	{"rul\u00b7ze", NULL},
	{"ru\u00b7lze", NULL},
	{"ß", "ß"},
	{"\u06fd", "\u06fd"},
	{"\u06fe", "\u06fe"},
	{"\u0f0b", "\u0f0b"},
	{"\u3007", "\u3007"},
	{"\u0375", NULL},
	{"\u05f3", NULL},
	{"\u05f4", NULL},
	{"\u30fb", NULL},
	{"\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669", NULL},
	{"\u0623\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u06f0", NULL},
	{"\u0623\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9\u0660", NULL},
	{"\u0640", NULL},
	{"\u07fa", NULL},
	{"\u302e", NULL},
	{"\u302f", NULL},
	{"\u3031", NULL},
	{"\u3032", NULL},
	{"\u3033", NULL},
	{"\u3034", NULL},
	{"\u3035", NULL},
	{"\u303b", NULL},
	{"\u0600", NULL},
	{"\U000f0000", NULL},
	{"ΨϓΧΗ", NULL},
	{"ǰj\u030c", "ǰǰ"},
	{"ΐι\u0308\u0301", "ΐΐ"},
	{"ΰυ\u0308\u0301", "ΰΰ"},
	{"\u1e96h\u0331", "\u1e96\u1e96"},
	{"\u1e97t\u0308", "\u1e97\u1e97"},
	{"\u1e98w\u030a", "\u1e98\u1e98"},
	{"\u1e99y\u030a", "\u1e99\u1e99"},
	{"\u1f50υ\u0313", "\u1f50\u1f50"},
	{"\u1f52υ\u0313\u0300", "\u1f52\u1f52"},
	{"\u1f54υ\u0313\u0301", "\u1f54\u1f54"},
	{"\u1f56υ\u0313\u0342", "\u1f56\u1f56"},
	{"\u1fb6α\u0342", "\u1fb6\u1fb6"},
	{"\u1fb7α\u0342\u0345", "\u1fb7\u1fb7"},
	{"\u1fc6η\u0342", "\u1fc6\u1fc6"},
	{"\u1fc7η\u0342\u0345", "\u1fc7\u1fc7"},
	{"\u1fd2ι\u0308\u0300", "\u1fd2\u1fd2"},
	{"\u1fd3ι\u0308\u0301", "ΐΐ"},
	{"\u1fd6ι\u0342", "\u1fd6\u1fd6"},
	{"\u1fd7ι\u0308\u0342", "\u1fd7\u1fd7"},
	{"\u1fe2υ\u0308\u0300", "\u1fe2\u1fe2"},
	{"\u1fe3υ\u0308\u0301", "ΰΰ"},
	{"\u1fe4ρ\u0313", "\u1fe4\u1fe4"},
	{"\u1fe6υ\u0342", "\u1fe6\u1fe6"},
	{"\u1fe7υ\u0308\u0342", "\u1fe7\u1fe7"},
	{"\u1ff6ω\u0342", "\u1ff6\u1ff6"},
	{"\u1ff7ω\u0342\u0345", "\u1ff7\u1ff7"},
	{"faß", "faß"},
	{"TÜRKIYE", "türkiye"},
	{"türkıye", "türkıye"},
	{"Βόλος", "βόλος"},
	{"\U000111c9", "\U000111c9"},
	{"\u05ef\u05f3", "\u05ef\u05f3"},
	{"\u30fb\u3400", "\u30fb\u3400"},
	{"\U00010d00\u200c\u088e", "\U00010d00\u200c\u088e"},
	{"\U00010d00\u07fd\u200c\u07fd\u088e", "\U00010d00\u07fd\u200c\u07fd\u088e"},
	{"\u0886\u200c\u0886", "\u0886\u200c\u0886"},
	/* One letter, one meaning: a final sigma is not guessed (RFC 8265 §3.3.1, per code point).
	 */
	{"Βόλος", "βόλος"},
	{"ΒόλοΣ", "βόλοσ"},
	{"ΣΣ", "σσ"},
	/* These decompose otherwise than in the Unicode of stringprep. */
	{"\uf951", NULL},
	{"a\U0002f868", NULL},
	{"\U0002f874", NULL},
	{"\uf950", "\u7e37"},
	/* The context is that of the result: Ｌ becomes l. */
	{"\uff2c\u00b7\uff4c", "l\u00b7l"},
};

/* RFC 8265 §4.3, and published vectors. */
static const struct row passwords[] = {
	{"correct horse battery staple", "correct horse battery staple"},
	{"Correct Horse Battery Staple", "Correct Horse Battery Staple"},
	{"πßå", "πßå"},
	{"Jack of \u2666s", "Jack of \u2666s"},
	{"foo\u1680bar", "foo bar"},
	{"", NULL},
	{"my cat is a \tby", NULL},
	{"a\u00a0a\u1680a\u2000a\u2001a\u2002a\u2003a\u2004a\u2005a\u2006a\u2007a\u2008a\u2009"
	 "a\u200aa\u202fa\u205fa\u3000a",
	 "a a a a a a a a a a a a a a a a a"},
	{"", NULL},
	{"\011", NULL},
	{"\012", NULL},
	{"\015", NULL},
	{"\037", NULL},
	{"\177", NULL},
	{"\302\200", NULL},
	{"\302\237", NULL},
	{"\u00a0", " "},
	{"þ", "þ"},
	{"ÿ", "ÿ"},
	{"\ufeff", NULL},
	{"\ufffe", NULL},
	{"\U0010ffff", NULL},
	{"A\011A", NULL},
	{"\011A", NULL},
	{"\u2028", NULL},
	{"\u2029", NULL},
	{"A\u2028A", NULL},
	{"A\u2029A", NULL},
	{"\u212aevin", "Kevin"},
	{"Κevin", "Κevin"},
	{"\u1e32evin", "\u1e32evin"},
	{"\u1e34evin", "\u1e34evin"},
	{"K\u0301evin", "\u1e30evin"},
	{"K\u0301\u0301evin", "\u1e30\u0301evin"},
	{"K\ua717evin", "K\ua717evin"},
	{"\u24c0evin", "\u24c0evin"},
	{"\u2c69evin", "\u2c69evin"},
	{"\ua740evin", "\ua740evin"},
	{"\ua742evin", "\ua742evin"},
	{"\ua744evin", "\ua744evin"},
	{"\ua7a2evin", "\ua7a2evin"},
	{"\uff2bevin", "\uff2bevin"},
	{"\U000e004bevin", NULL},
	{"\U0001f11aevin", "\U0001f11aevin"},
	{"\U0001f13aevin", "\U0001f13aevin"},
	{"\U0001f15aevin", "\U0001f15aevin"},
	{"\U0001f17aevin", "\U0001f17aevin"},
	{"Fußball", "Fußball"},
	{"π", "π"},
	{"Σ", "Σ"},
	{"σ", "σ"},
	{"ς", "ς"},
	{"\u265a", "\u265a"},
	{"Richard \u2163", "Richard \u2163"},
	{"\u0cf1", "\u0cf1"},
	{"\u0cf2", "\u0cf2"},
	{"\u19da", "\u19da"},
	{"iİıI", "iİıI"},
	{"I\u0307", "İ"},
	{"ı\u0307", "ı\u0307"},
	{"e\u0301\u0301\u0301", "é\u0301\u0301"},
	{"e\u0301", "é"},
	{"\u037e", ";"},
	{"\u1fef", "`"},
	{"\u212a", "K"},
	{"\u2126", "Ω"},
	{"C\u0327", "Ç"},
	{"q\u0307\u0323", "q\u0323\u0307"},
	{"\u1100\u1161", "\uac00"},
	{"\u212b", "Å"},
	{"A\u030a", "Å"},
	{"s\u0323\u0307", "\u1e69"},
	{"\u1100\u1161\u11a8", "\uac01"},
	{"\u00ad", NULL},
	{"\u034f", NULL},
	{"\u180b", NULL},
	{"\u180c", NULL},
	{"\u180d", NULL},
	{"\u200c", NULL},
	{"\u200d", NULL},
	{"\u1100\u0300\u1161\u0323", NULL},
	{"\u1fee", "\u0385"},
	{"\u1ffd", "\u00b4"},
	{"\u00b7", NULL},
	{"\u00b7l", NULL},
	{"l\u00b7", NULL},
	{"ruL\u00b7Lz", NULL},
	{"rul\u00b7ze", NULL},
	{"ru\u00b7lze", NULL},
	{"\u0375", NULL},
	{"\u05f3", NULL},
	{"\u05f4", NULL},
	{"\u30fb", NULL},
	{"\u0623\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u06f0", NULL},
	{"\u0623\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9\u0660", NULL},
	{"\u0640", NULL},
	{"\u07fa", NULL},
	{"\u302e", NULL},
	{"\u302f", NULL},
	{"\u3031", NULL},
	{"\u3032", NULL},
	{"\u3033", NULL},
	{"\u3034", NULL},
	{"\u3035", NULL},
	{"\u303b", NULL},
	{"\u0600", NULL},
	{"\U000f0000", NULL},
	{"ǰj\u030c", "ǰǰ"},
	{"ΐι\u0308\u0301", "ΐΐ"},
	{"ΰυ\u0308\u0301", "ΰΰ"},
	{"\u1e96h\u0331", "\u1e96\u1e96"},
	{"\u1e97t\u0308", "\u1e97\u1e97"},
	{"\u1e98w\u030a", "\u1e98\u1e98"},
	{"\u1e99y\u030a", "\u1e99\u1e99"},
	{"\u1f50υ\u0313", "\u1f50\u1f50"},
	{"\u1f52υ\u0313\u0300", "\u1f52\u1f52"},
	{"\u1f54υ\u0313\u0301", "\u1f54\u1f54"},
	{"\u1f56υ\u0313\u0342", "\u1f56\u1f56"},
	{"\u1fb6α\u0342", "\u1fb6\u1fb6"},
	{"\u1fb7α\u0342\u0345", "\u1fb7\u1fb7"},
	{"\u1fc6η\u0342", "\u1fc6\u1fc6"},
	{"\u1fc7η\u0342\u0345", "\u1fc7\u1fc7"},
	{"\u1fd2ι\u0308\u0300", "\u1fd2\u1fd2"},
	{"\u1fd3ι\u0308\u0301", "ΐΐ"},
	{"\u1fd6ι\u0342", "\u1fd6\u1fd6"},
	{"\u1fd7ι\u0308\u0342", "\u1fd7\u1fd7"},
	{"\u1fe2υ\u0308\u0300", "\u1fe2\u1fe2"},
	{"\u1fe3υ\u0308\u0301", "ΰΰ"},
	{"\u1fe4ρ\u0313", "\u1fe4\u1fe4"},
	{"\u1fe6υ\u0342", "\u1fe6\u1fe6"},
	{"\u1fe7υ\u0308\u0342", "\u1fe7\u1fe7"},
	{"\u1ff6ω\u0342", "\u1ff6\u1ff6"},
	{"\u1ff7ω\u0342\u0345", "\u1ff7\u1ff7"},
};

/* draft-whited-precis-test-vectors: the contextual rules, for the FreeformClass. */
static const struct {
	const char *in;
	bool is_good;
} contexts[] = {
	/* ZERO WIDTH NON-JOINER, RFC 5892 A.1: after a virama, or between letters that join. */
	{"\u200c", false},
	{"\u200ca", false},
	{"a\u200c", false},
	{"\u200c\u0627", false},
	{"\u062c\u200c", false},
	{"\u0610\u200c\u0610\u0627", false},
	{"\u062c\u0610\u200c\u0610", false},
	{"\u062c\u200c\u0627", true},
	{"\u062c\u0610\u200c\u0610\u0627", true},
	{"\u062c\u0610\u0610\u200c\u0610\u0610\u0627", true},
	{"\u062c\u0610\u200c\u0627", true},
	{"\u062c\u200c\u0610\u0627", true},
	{"\ua872\u200c\u062c", true},
	{"\ua872\u0610\u200c\u0610\u062c", true},
	{"\u0a4d\u200c", true},
	{"\ua872\u0a4d\u200c", true},
	{"\ua872\u0a4d\u0610\u200c", false},
	{"\ua872\u0acd\u0610\u200c", false},
	/* ZERO WIDTH JOINER, A.2. */
	{"\u200d", false},
	{"\u200da", false},
	{"a\u200d", false},
	{"\u0a4d\u200d", true},
	{"\ua872\u0a4d\u200d", true},
	{"\u0a4da\u200d", false},
	/* MIDDLE DOT, A.3. */
	{"\u00b7", false},
	{"l\u00b7", false},
	{"\u00b7l", false},
	{"a\u00b7", false},
	{"l\u00b7a", false},
	{"a\u00b7a", false},
	{"l\u00b7l", true},
	{"al\u00b7la", true},
	/* Greek KERAIA, A.4. */
	{"\u0375", false},
	{"\u0375a", false},
	{"\u03b1\u0375", false},
	{"\u0375\u03b1", true},
	{"\u03b1\u0375\u03b1", true},
	{"\u0375\u0375\u03b1", true},
	{"\u03b1\u0375\u0375", false},
	{"\u03b1\u0375\u0375a", false},
	/* GERESH and GERSHAYIM, A.5 and A.6. */
	{"\u05f3", false},
	{"\u05f3\u05d4", false},
	{"a\u05f3b", false},
	{"\u05e9\u05f3", true},
	{"\u05e9\u05f3\u05f3\u05f3", true},
	{"\u05f4", false},
	{"\u05f4\u05d4", false},
	{"\u05e9\u05f4", true},
	{"\u05e9\u05f4\u05f4\u05f4", true},
	/* KATAKANA MIDDLE DOT, A.7. */
	{"\u30fb", false},
	{"abc\u30fb", false},
	{"\u30fbdef", false},
	{"abc\u30fbdef", false},
	{"a\u30c5c\u30fbdef", true},
	{"abc\u30fbd\u3076f", true},
	{"\u2e90bc\u30fbdef", true},
	/* The two rows of Arabic digits, A.8 and A.9. */
	{"\u0661\u0662\u0663\u0664\u0665\u06f6", false},
	{"\u06f1\u06f2\u06f3\u06f4\u06f5\u0666", false},
	{"\u0661\u0662\u0663\u0664\u0665", true},
	{"\u06f1\u06f2\u06f3\u06f4\u06f5", true},
};

/*
 * RFC 3454 and RFC 6122 appendix A: what Nodeprep leaves as it is. Everything here is what
 * prep_username gives, so what it would change is as wrong as what it refuses.
 */
static const struct {
	const char *local;
	bool is_kept;
} old_names[] = {
	{"juliet", true},
	{"jülich", true},
	{"π", true},
	{"σ", true},
	{"ἀρχή", true},
	{"漢字", true},
	{"日本語", true},
	{"שלום", true},
	{"мир", true},
	{"ǰ", true}, /* B.2 takes it apart, NFKC joins it again */
	{"ß", false},
	{"ς", false},
	{"ŉ", false},
	{"\u0390", true},
	{"a\u200cb", false},
	{"\u0e33", false},
	{"ﬃ", false},
	{"\u0587", false}, /* ligatures: B.2 and NFKC take them apart */
	{"\u1e9b", false},
	{"\u10a0", true},
	{"\u2d00", false},
	{"\u0234", false},
	{"\u0221", false},
	{"\u4dc0", false}, /* unassigned in Unicode 3.2: A.1 */
	{"\u00a0", false},
	{"\u3000", false},
	{"\a", false},
	{"\ue000", false},
	{"\ufffd", false},
	{"\u2ff0", false},
	{"\u0340", false},
	{"\u200e", false},
	{"\u202a", false}, /* C.1.2 to C.8 */
	{"אa", false},
	{"אa\u0627", false},
	{"\u0627"
	 "1\u0628",
	 true},
	{"\u0627"
	 "1",
	 false}, /* §6 */
	{"a@b", false},
	{"a/b", false},
	{"a:b", false},
	{"a&b", false},
	{"a b", false},
	{"a'b", false},
	{"a\"b", false},
	{"a<b", false},
	{"a>b", false},
};

static void
check_rows(struct test *t, const struct row *rows, size_t n,
	   int (*prepare)(struct arena *, struct str, struct str *, const char **))
{
	for (size_t i = 0; i < n; i++) {
		const char *why = NULL;
		struct str out, again;
		int rc = prepare(t->arena, str(rows[i].in), &out, &why);

		test_row(t, rows[i].in);
		check_int(t, rc, rows[i].out == NULL ? -1 : 0);
		check(t, (why != NULL) == (rc < 0));
		if (rc < 0)
			continue;
		check_str(t, out, rows[i].out);
		check_int(t, prepare(t->arena, out, &again, &why), 0);
		check_strs(t, again, out);
	}
}

TEST(prep_username)
{
	check_rows(t, usernames, COUNT(usernames), prep_username);
}

TEST(prep_opaque)
{
	check_rows(t, passwords, COUNT(passwords), prep_opaque);
}

TEST(prep_contextual_rules)
{
	for (size_t i = 0; i < COUNT(contexts); i++) {
		const char *why;
		struct str out;

		test_row(t, contexts[i].in);
		check_int(t, prep_opaque(t->arena, str(contexts[i].in), &out, &why),
			  contexts[i].is_good ? 0 : -1);
	}
}

TEST(prep_check_nodeprep)
{
	for (size_t i = 0; i < COUNT(old_names); i++) {
		const char *why = NULL;

		test_row(t, old_names[i].local);
		check_int(t, prep_check_nodeprep(str(old_names[i].local), &why),
			  old_names[i].is_kept ? 0 : -1);
	}
}

/* Nicks that are one, and some that are not. */
static const struct {
	const char *a, *b;
	bool are_one;
} nicks[] = {
	{"Juliet", "juliet", true},        {"juliet", "  juliet ", true},
	{"the nurse", "the  nurse", true}, {"juliet", "ju1iet", true},
	{"juliet", "juliеt", true}, /* a Cyrillic e */
	{"ｊｕｌｉｅｔ", "juliet", true},  {"juliet", "julia", false},
	{"Jürgen", "Jurgen", false},       {"李", "杏", false},
};

TEST(prep_nick_key)
{
	for (size_t i = 0; i < COUNT(nicks); i++) {
		test_row(t, nicks[i].a);
		check_int(t,
			  str_equal(prep_nick_key(t->arena, str(nicks[i].a)),
				    prep_nick_key(t->arena, str(nicks[i].b))),
			  nicks[i].are_one);
	}
	check_int(t, (intmax_t)prep_nick_key(t->arena, STR("   ")).len, 0);
}
