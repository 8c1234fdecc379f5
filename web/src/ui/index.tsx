// SPDX-License-Identifier: AGPL-3.0-or-later
// The small components of the design system. Looks are in styles/base.css; here is what they do.
import { CircleAlert, CircleCheck, Info, TriangleAlert, X, type LucideIcon } from 'lucide-preact';
import type { ComponentChildren, JSX } from 'preact';
import { createPortal } from 'preact/compat';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { t } from '../i18n';

export type Icon = LucideIcon;
export const Glyph = ({ icon: Of, class: name = '' }: { icon: Icon; class?: string }) => <Of class={`icon ${name}`} aria-hidden="true" />;

type ButtonProps = JSX.ButtonHTMLAttributes<HTMLButtonElement> & {
  icon?: Icon;
  label?: string; // for a button that shows only its icon
  kind?: 'primary' | 'quiet' | 'danger' | 'danger primary';
  busy?: boolean;
};
export function Button({ icon, label, kind, busy, children, class: name, ...rest }: ButtonProps) {
  const only = !children;
  return (
    <button type="button" class={`btn ${kind ?? ''} ${only ? 'icon-only' : ''} ${name ?? ''}`} aria-label={label} title={only ? label : undefined} aria-busy={busy || undefined} {...rest}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon ? <Glyph icon={icon} /> : null}
      {children}
    </button>
  );
}

export function Segment<T extends string | number>({ label, value, options, onPick }: {
  label: string;
  value: T;
  options: { value: T; text?: string; icon?: Icon; label?: string }[];
  onPick: (value: T) => void;
}) {
  return (
    <div class="segment" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option.value} type="button" class="btn" aria-pressed={option.value === value} aria-label={option.label} title={option.label} onClick={() => onPick(option.value)}>
          {option.icon ? <Glyph icon={option.icon} /> : null}
          {option.text}
        </button>
      ))}
    </div>
  );
}

type FieldProps = JSX.InputHTMLAttributes<HTMLInputElement> & { label: string; hint?: ComponentChildren; error?: string; onText?: (text: string) => void };
export function Field({ label, hint, error, onText, id, ...rest }: FieldProps) {
  const made = useId();
  const name = (id as string) ?? made;
  const says = [hint ? `${name}-hint` : '', error ? `${name}-error` : ''].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input id={name} class="input" aria-describedby={says || undefined} aria-invalid={error ? true : undefined} onInput={(e) => onText?.(e.currentTarget.value)} {...rest} />
      {hint ? <span class="hint" id={`${name}-hint`}>{hint}</span> : null}
      {error ? <span class="error" id={`${name}-error`} role="alert">{error}</span> : null}
    </div>
  );
}

export function Choice<T extends string>({ label, value, options, onPick, hint, bare, ...rest }: {
  label: string;
  value: T;
  options: { value: T; text: string }[];
  onPick: (value: T) => void;
  hint?: string;
  bare?: boolean; // label for assistive technology only
} & Omit<JSX.SelectHTMLAttributes<HTMLSelectElement>, 'label' | 'value' | 'onChange'>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={bare ? 'visually-hidden' : ''}>{label}</label>
      <select id={id} class="select" value={value} onChange={(e) => onPick(e.currentTarget.value as T)} {...rest}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.text}</option>)}
      </select>
      {hint ? <span class="hint">{hint}</span> : null}
    </div>
  );
}

export function Check({ label, checked, onPick, hint }: { label: ComponentChildren; checked: boolean; onPick: (on: boolean) => void; hint?: string }) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(e) => onPick(e.currentTarget.checked)} />
      <span>{label}{hint ? <span class="faint"> {hint}</span> : null}</span>
    </label>
  );
}

const noticeIcons = { good: CircleCheck, warn: TriangleAlert, bad: CircleAlert, info: Info };
export function Notice({ kind = 'info', children, alert }: { kind?: keyof typeof noticeIcons; children: ComponentChildren; alert?: boolean }) {
  return (
    <div class={`notice ${kind}`} role={alert ? 'alert' : undefined}>
      <Glyph icon={noticeIcons[kind]} />
      <div class="grow">{children}</div>
    </div>
  );
}

export function Badge({ kind = '', icon, children, title }: { kind?: '' | 'good' | 'warn' | 'bad' | 'info'; icon?: Icon; children: ComponentChildren; title?: string }) {
  return <span class={`badge ${kind}`} title={title}>{icon ? <Glyph icon={icon} /> : null}{children}</span>;
}

export function Empty({ icon, title, children }: { icon: Icon; title: string; children?: ComponentChildren }) {
  return <div class="empty"><Glyph icon={icon} /><h2>{title}</h2>{children}</div>;
}

/** A modal question or form. Escape and the cross close it; focus goes back to where it was. */
export function Dialog({ title, onClose, children, footer, wide }: { title: string; onClose: () => void; children: ComponentChildren; footer?: ComponentChildren; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.({ preventScroll: true });
    };
  }, []);
  return createPortal(
    <dialog ref={ref} class={`dialog ${wide ? 'wide' : ''}`} aria-labelledby={id} onCancel={(e) => { e.preventDefault(); onClose(); }}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" icon={X} label={t('action.close')} onClick={onClose} />
      </header>
      <div class="body">{children}</div>
      {footer ? <footer>{footer}</footer> : null}
    </dialog>,
    document.body,
  );
}

/** A button that opens a list. Arrow keys move, Escape closes, a click elsewhere closes. */
export function Menu({ button, children, align = '', label }: {
  button: (props: { 'aria-expanded': boolean; 'aria-haspopup': 'menu'; onClick: () => void }) => ComponentChildren;
  children: ComponentChildren | ((close: () => void) => ComponentChildren);
  align?: string; // 'end', 'up'
  label: string;
}) {
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLDivElement>(null);
  const items = () => [...(anchor.current?.querySelectorAll<HTMLElement>('.menu .item:not(:disabled)') ?? [])];
  useEffect(() => {
    if (!open) return;
    (items().find((item) => item.getAttribute('aria-checked') === 'true') ?? items()[0])?.focus();
    const away = (event: PointerEvent) => anchor.current?.contains(event.target as Node) || setOpen(false);
    addEventListener('pointerdown', away, true);
    return () => removeEventListener('pointerdown', away, true);
  }, [open]);
  const close = () => {
    setOpen(false);
    anchor.current?.querySelector<HTMLElement>('[aria-haspopup]')?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Escape') close();
    else if (event.key === 'Tab') setOpen(false);
    else if (to !== undefined) all[(to + all.length) % all.length]?.focus();
    else return;
    if (event.key !== 'Tab') event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="menu-anchor" ref={anchor}>
      {button({ 'aria-expanded': open, 'aria-haspopup': 'menu', onClick: () => setOpen(!open) })}
      {open ? <div class={`menu ${align}`} role="menu" aria-label={label} onKeyDown={keys}>{typeof children === 'function' ? children(close) : children}</div> : null}
    </div>
  );
}

export function Item({ icon, children, end, checked, kind = '', onClick, ...rest }: {
  icon?: Icon;
  end?: ComponentChildren;
  checked?: boolean;
  kind?: string;
} & JSX.ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" class={`item ${kind}`} role={checked === undefined ? 'menuitem' : 'menuitemradio'} aria-checked={checked} tabIndex={-1} onClick={onClick} {...rest}>
      {icon ? <Glyph icon={icon} /> : null}
      <span class="grow">{children}</span>
      {end ? <span class="end">{end}</span> : null}
    </button>
  );
}

interface Toast {
  id: number;
  kind: 'good' | 'warn' | 'bad' | 'info';
  text: string;
}
const toasts = signal<Toast[]>([]);
let toastId = 0;
export function say(text: string, kind: Toast['kind'] = 'good') {
  const toast = { id: ++toastId, kind, text };
  toasts.value = [...toasts.value.slice(-3), toast];
  setTimeout(() => drop(toast.id), kind === 'bad' ? 12000 : 6000);
}
const drop = (id: number) => (toasts.value = toasts.value.filter((toast) => toast.id !== id));
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <Notice key={toast.id} kind={toast.kind}>
          <div class="spread"><span class="grow">{toast.text}</span><Button kind="quiet" icon={X} label={t('action.close')} onClick={() => drop(toast.id)} /></div>
        </Notice>
      ))}
    </div>
  );
}
