/* SPDX-License-Identifier: MIT */
/* server.h - the process: its workers, store, certificates and limits. */
#pragma once

#include "io/tls.h"
#include "server/admission.h"
#include "server/worker.h"

#include <pthread.h>

struct listener;

struct server {
	struct worker **workers;
	size_t worker_count;
	struct store *store;
	struct admission *admission;
	unsigned char unknown_user_key[32]; /* stable fake salts (SEC-34) */
	unsigned char seal_key[32];         /* for passwords kept for XEP-0078 digest */
	uint64_t started_us;
	_Atomic bool is_stopping;
	void (*end)(bool is_restart); /* ends the process, from any thread; NULL: nobody can */
	/* Replaced at reload, under the lock; each stream takes a reference. */
	struct tls_context *tls;
	struct s2s_contexts *s2s_contexts; /* for other servers; the same rule */
	pthread_mutex_t tls_lock;
	char dialback_secret[32]; /* of this process (SEC-42) */
};

/* A new reference to the certificates of now. */
struct tls_context *server_tls(struct server *server);
