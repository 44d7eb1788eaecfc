/* SPDX-License-Identifier: MIT */
/* fleet_local.h - between fleet.c and client.c. */
#pragma once

#include "base/time.h"
#include "bench/fleet.h"

#include <openssl/err.h>

#define INPUT_SIZE 65536

/* The descriptor of CLIENT woke. */
void client_ready(struct client *client, uint32_t events);
/* Writes what is waiting. */
void client_flush(struct client *client);
