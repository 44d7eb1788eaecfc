/* SPDX-License-Identifier: MIT */
/* report.c - one JSON object on one line, or "key value unit" lines. */
#include "bench/options.h"

static void
key_of(struct report *report, const char *key)
{
	if (report->is_json)
		fprintf(report->out, "%s\"%s\":", report->is_begun ? "," : "{", key);
	else
		fprintf(report->out, "%-22s ", key);
	report->is_begun = true;
}

void
report_text(struct report *report, const char *key, const char *value)
{
	key_of(report, key);
	fprintf(report->out, report->is_json ? "\"%s\"" : "%s\n", value);
}

void
report_number(struct report *report, const char *key, double value, const char *unit)
{
	key_of(report, key);
	if (report->is_json)
		fprintf(report->out, "%.10g", value);
	else
		fprintf(report->out, "%.*f %s\n", value < 1000 && unit[0] != 0 ? 2 : 0, value,
			unit);
}

void
report_begin(struct report *report, const struct options *options, FILE *out)
{
	*report = (struct report){.out = out, .is_json = options->is_json};
	report_text(report, "mode", options->mode);
}

void
report_end(struct report *report)
{
	fputs(report->is_json ? "}\n" : "", report->out);
	fflush(report->out);
}
