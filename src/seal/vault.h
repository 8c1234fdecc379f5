/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_VAULT_H
#define SEAL_VAULT_H
/* Slots of the vault, for key.c. */
#include "seal/record.h"

/* A zeroed slot of SEAL_SECRET bytes, or NULL when the vault is full. Thread-safe. */
uint8_t *seal_vault_take(struct seal_vault *v);
/* Wipe it and take it back. Thread-safe. */
void seal_vault_give(struct seal_vault *v, uint8_t *slot);
#endif
