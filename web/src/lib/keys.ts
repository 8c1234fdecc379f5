// SPDX-License-Identifier: AGPL-3.0-or-later
// Keyboard commands of pages. A page registers what it offers; the help overlay lists exactly that.
import { signal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import type { Key } from '../i18n';

export interface Command {
  keys: string[]; // 'Space', 'Shift+ArrowLeft', '?', 'j'
  label: Key;
  run: (event: KeyboardEvent) => void;
}
export interface CommandGroup {
  title: Key;
  commands: Command[];
}

export const groups = signal<CommandGroup[]>([]);

/** What a key event is called here. Shift is named only where the key's own character does not say it. */
export function keyName(event: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey'>): string {
  const key = event.key === ' ' ? 'Space' : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || event.key === ' ') ? 'Shift+' : '';
  return `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${shift}${key}`;
}

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(input|select|textarea)$/i.test(target.tagName));
const pressable = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.closest('button, a, summary, [role=menuitem], [role=menuitemradio]') !== null;

export function dispatch(event: KeyboardEvent) {
  if (event.defaultPrevented || event.isComposing || typing(event.target) || document.querySelector('dialog[open]')) return;
  const name = keyName(event);
  if ((name === 'Space' || name === 'Enter') && pressable(event.target)) return;
  for (const group of [...groups.value].reverse()) {
    const command = group.commands.find((c) => c.keys.includes(name));
    if (command) {
      event.preventDefault();
      command.run(event);
      return;
    }
  }
}

/** Registers commands for as long as the component lives. @commands is read anew on each render,
 * and holds as soon as what was rendered can be seen. */
export function useCommands(title: Key, commands: Command[]) {
  useLayoutEffect(() => {
    const group = { title, commands };
    groups.value = [...groups.value, group];
    return () => {
      groups.value = groups.value.filter((g) => g !== group);
    };
  });
}

const words: Record<string, string> = {
  ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Shift: '⇧', Escape: 'Esc', Delete: 'Del', ' ': 'Space',
};
export const keyCaps = (key: string) => (key === '+' ? ['+'] : key.split(/\+(?=.)/)).map((part) => words[part] ?? (part.length === 1 ? part.toUpperCase() : part));
