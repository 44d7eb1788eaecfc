/* SPDX-License-Identifier: MIT */
/*
 * crash.h - named places where a test build kills itself, as kill -9 would, to see what is left.
 *
 * Only a build with -Dcrash_points=true has them; elsewhere they are no code at all. The process
 * reads RECADO_CRASH_POINT=NAME:COUNT once and dies when it comes to NAME for the COUNTth time.
 * tests/chaos/run finds the names by looking for CRASH_POINT in src.
 */
#pragma once

#ifdef RECADO_CRASH_POINTS
#define CRASH_POINT(name) crash_point(name)

/* From any thread. */
void crash_point(const char *name);
#else
#define CRASH_POINT(name) ((void)0)
#endif
