/* SPDX-License-Identifier: MIT */
/* time.c - clock_gettime(2), or a simulated clock; dates as in XEP-0082. */
#include "base/time.h"

#include <stdio.h>
#include <time.h>

static _Thread_local bool is_simulated;
static _Thread_local uint64_t fake_mono_ms, fake_wall_us;

void
time_simulate_set(uint64_t mono_ms, uint64_t wall_us)
{
	is_simulated = true;
	fake_mono_ms = mono_ms;
	fake_wall_us = wall_us;
}

uint64_t
time_mono_ns(void)
{
	struct timespec ts;

	if (is_simulated)
		return fake_mono_ms * 1000000;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t
time_mono_ms(void)
{
	return time_mono_ns() / 1000000;
}

uint64_t
time_wall_us(void)
{
	struct timespec ts;

	if (is_simulated)
		return fake_wall_us;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000;
}

struct str
time_format(struct arena *arena, uint64_t wall_us, bool with_fraction)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	unsigned ms = (unsigned)(wall_us / 1000 % 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	if (with_fraction)
		return arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
				    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
				    ms);
	return arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
			    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* WIDTH digits at *S, which moves on. Returns the number, or -1. */
static int
digits(struct str *s, unsigned width)
{
	int n = 0;

	if (s->len < width)
		return -1;
	for (unsigned i = 0; i < width; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		n = n * 10 + (s->p[i] - '0');
	}
	*s = str_from(*s, width);
	return n;
}

static bool
skip(struct str *s, char c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* The fraction after the seconds, in microseconds; more digits than six are dropped. */
static int
fraction(struct str *s)
{
	int us = 0, weight = 100000;

	if (!skip(s, '.'))
		return 0;
	if (s->len == 0 || s->p[0] < '0' || s->p[0] > '9')
		return -1;
	for (; s->len > 0 && s->p[0] >= '0' && s->p[0] <= '9'; *s = str_from(*s, 1)) {
		us += (s->p[0] - '0') * weight;
		weight /= 10;
	}
	return us;
}

int
time_parse(struct str s, uint64_t *wall_us)
{
	struct tm tm = {0};
	int us, zone = 0, year, month;
	int64_t seconds;

	if ((year = digits(&s, 4)) < 1970 || !skip(&s, '-') || (month = digits(&s, 2)) < 1 ||
	    month > 12 || !skip(&s, '-') || (tm.tm_mday = digits(&s, 2)) < 1 || tm.tm_mday > 31 ||
	    !skip(&s, 'T') || (tm.tm_hour = digits(&s, 2)) < 0 || tm.tm_hour > 24 ||
	    !skip(&s, ':') || (tm.tm_min = digits(&s, 2)) < 0 || tm.tm_min > 59 || !skip(&s, ':') ||
	    (tm.tm_sec = digits(&s, 2)) < 0 || tm.tm_sec > 60 || (us = fraction(&s)) < 0)
		return -1;
	if (!skip(&s, 'Z')) {
		bool is_east = s.len > 0 && s.p[0] == '+';
		int hours, minutes;

		if (!skip(&s, '+') && !skip(&s, '-'))
			return -1;
		if ((hours = digits(&s, 2)) < 0 || !skip(&s, ':') || (minutes = digits(&s, 2)) < 0)
			return -1;
		zone = (hours * 60 + minutes) * (is_east ? 60 : -60);
	}
	if (s.len > 0)
		return -1;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	seconds = (int64_t)timegm(&tm) - zone;
	if (seconds < 0)
		return -1;
	*wall_us = (uint64_t)seconds * 1000000u + (uint64_t)us;
	return 0;
}
