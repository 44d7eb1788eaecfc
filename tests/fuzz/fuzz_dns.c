/* SPDX-License-Identifier: MIT */
/* fuzz_dns.c - records of name servers, and certificates of other servers. The first byte chooses.
 */
#include "base/base.h"

#include "io/certificate.h"
#include "io/dns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_TLSA};
	struct dns_record record;
	struct str bytes = str_of(data + 1, size - 1);

	if (size == 0)
		return 0;
	if (data[0] >= COUNT(types)) {
		certificate_is_for(bytes, STR("a.example"), STR("a.example"));
	} else if (dns_read_record(types[data[0]], bytes, &record) == 0 &&
		   types[data[0]] == DNS_SRV) {
		size_t len = strlen(record.target);

		if (len > DNS_NAME_MAX || (len > 0 && record.target[len - 1] == '.'))
			abort();
	}
	return 0;
}
