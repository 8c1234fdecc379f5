// SPDX-License-Identifier: AGPL-3.0-or-later
// The overlay behind `?`: exactly the commands that are registered now.
import { signal } from '@preact/signals';
import { t } from '../i18n';
import { groups, keyCaps } from '../lib/keys';
import { Dialog } from '../ui';

export const helpOpen = signal(false);

export function Help() {
  return (
    <Dialog title={t('help.title')} wide onClose={() => (helpOpen.value = false)}>
      <div class="help-keys">
        {groups.value.map((group) => (
          <section key={group.title}>
            <h3>{t(group.title)}</h3>
            <ul>
              {group.commands.map((command) => (
                <li key={command.label}>
                  <span>{t(command.label)}</span>
                  <span>{command.keys.map((key, i) => <span key={key} class="nowrap">{i ? ' ' : ''}{keyCaps(key).map((cap) => <kbd key={cap}>{cap}</kbd>)}</span>)}</span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
