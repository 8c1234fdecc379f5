/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H
/* Payloads that odd firmware makes of an access unit: legal but rare, or wrong. Reentrant. */
#include "base/buf.h"
#include "sim/fault.h"
#include "sim/program.h"

/* Is there a quirk that changes payloads? */
bool sim_wire_is_odd(const struct sim_quirks *q);
/* Append interleaved packets of @au; sequence numbers, timestamps and SSRC are the caller's to fill in. */
int sim_wire_build(const struct sim_program *p, const struct sim_au *au, const struct sim_quirks *q,
                   struct buf *out);
#endif
