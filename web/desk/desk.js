// SPDX-License-Identifier: AGPL-3.0-or-later
// The page: choose a case, read it, decide. Everything that matters is in core.js.
import '../src/styles/tokens.css';
import '../src/styles/base.css';
import './desk.css';
import { approve, check, refuseOrder, Refusal } from './core.js';
import { words } from './words.js';

const KEY = 'lethe-log-keys';
const store = {
  get: () => { try { return localStorage.getItem(KEY) ?? ''; } catch { return ''; } },
  set: (v) => { try { localStorage.setItem(KEY, v); } catch { /* a page from a file may have no storage */ } },
};
const state = { language: navigator.language.toLowerCase().startsWith('zh') ? 'zh-Hant' : 'en', bundle: null, checked: null, pinned: false, error: '', answer: null, busy: false, keys: store.get() };
const root = document.getElementById('desk');

/** @param {string} tag @param {Record<string, any>} props */
function h(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else if (k in e && k !== 'list') e[k] = v;
    else e.setAttribute(k, v);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

const field = (id, label, hint, control) => h('div', { className: 'field' }, h('label', { htmlFor: id }, label), control, hint && h('span', { className: 'hint' }, hint));

async function look() {
  state.checked = null;
  state.error = '';
  state.answer = null;
  if (state.bundle) {
    try {
      state.pinned = state.keys.trim() !== '';
      state.checked = await check(state.bundle, state.pinned ? state.keys.trim() : state.bundle.log_keys, Date.now());
    } catch (e) {
      state.error = e instanceof Refusal ? e.message : `The case file cannot be read (${e.message}).`;
    }
  }
  render();
}

async function load(file) {
  try {
    const bundle = JSON.parse(await file.text());
    if (bundle.format !== 'lethe-case/v1') throw new Error('another format');
    state.bundle = bundle;
  } catch (e) {
    state.bundle = null;
    state.error = `The case file cannot be read (${e.message}).`;
    return render();
  }
  return look();
}

async function decide(yes, w) {
  const file = document.getElementById('identity').files[0];
  if (!file) return document.getElementById('identity').focus();
  const reason = document.getElementById('reason').value;
  state.busy = true;
  state.error = '';
  render();
  try {
    const text = await file.text();
    state.answer = { yes, text: yes ? await approve(state.checked, text, Date.now()) : await refuseOrder(state.checked, text, reason, Date.now()) };
  } catch (e) {
    state.error = e instanceof Refusal ? e.message : String(e.message ?? e);
  }
  state.busy = false;
  render();
}

const codeText = (kind, code, w) => {
  const c = state.bundle.codes.find((x) => x.kind === kind && x.code === code);
  return c ? `${(state.language === 'zh-Hant' && c['zh-Hant']) || c.en} (${code})` : `${code} (${w.unknown})`;
};

function orderView(w) {
  const { order, records, index } = state.checked;
  const seconds = Math.round((order.toMs - order.fromMs) / 1000);
  const first = new Date(Math.min(...records.map((r) => r.epochMs))).toISOString().slice(0, 16) + 'Z';
  const last = new Date(Math.max(...records.map((r) => r.endMs))).toISOString().slice(11, 16) + 'Z';
  const rows = [
    [w.cameras, order.cameras.join(', '), true], [w.from, order.from, true], [w.to, order.to, true],
    [w.length, w.minutes(Math.floor(seconds / 60), seconds % 60)], [w.purpose, codeText('purpose', order.purpose, w), true],
    [w.basis, codeText('basis', order.basis, w)], [w.keys, w.keysValue(records.length, first, last)], [w.node, order.node],
    [w.valid, order['not-after']], order.urgent !== 'no' && [w.urgent, order.urgent], [w.entry, w.entryValue(index)],
    [w.approvals, w.approvalsValue(state.bundle.threshold, state.bundle.custodians.length)], [w.session, order.session],
  ].filter(Boolean);
  return h('section', { 'aria-labelledby': 'order-title' },
    h('h2', { id: 'order-title' }, `${w.order} ${order.id}`),
    h('dl', {}, rows.map(([k, v, big]) => [h('dt', {}, k), h('dd', { className: big ? 'big' : '' }, v)])),
    h('p', { className: 'verdict good', role: 'status' }, w.good),
    h('p', { className: `verdict ${state.pinned ? 'good' : 'warn'}` }, state.pinned ? w.pinned : w.unpinned));
}

function decisionView(w) {
  const reasons = state.bundle.codes.filter((c) => c.kind === 'refusal');
  return h('section', { 'aria-labelledby': 'decide-title' },
    h('h2', { id: 'decide-title' }, w.decide),
    field('identity', w.identity, w.identityHint, h('input', { id: 'identity', type: 'file', className: 'input' })),
    h('div', { className: 'cluster' }, h('button', { className: 'btn primary', id: 'approve', type: 'button', disabled: state.busy, onclick: () => decide(true, w) }, w.approve)),
    field('reason', w.reason, '', h('select', { id: 'reason', className: 'select' }, reasons.map((c) => h('option', { value: c.code }, (state.language === 'zh-Hant' && c['zh-Hant']) || c.en)))),
    h('div', { className: 'cluster' }, h('button', { className: 'btn danger', id: 'refuse', type: 'button', disabled: state.busy, onclick: () => decide(false, w) }, w.refuse)),
    state.busy && h('p', { role: 'status' }, w.working));
}

function answerView(w) {
  const name = `${state.answer.yes ? 'approval' : 'refusal'}-${state.checked.order.id}.txt`;
  const url = URL.createObjectURL(new Blob([state.answer.text], { type: 'text/plain' }));
  return h('section', { 'aria-labelledby': 'answer-title' },
    h('h2', { id: 'answer-title', tabIndex: -1 }, state.answer.yes ? w.approved : w.refused),
    h('div', { className: 'cluster' }, h('a', { className: 'btn primary', id: 'save', href: url, download: name }, w.save),
      h('button', { className: 'btn', type: 'button', onclick: (e) => navigator.clipboard.writeText(state.answer.text).then(() => { e.target.textContent = w.copied; }) }, w.copy)),
    h('textarea', { className: 'input', rows: 12, readOnly: true, value: state.answer.text, 'aria-label': name }));
}

function render() {
  const w = words[state.language];
  document.documentElement.lang = state.language;
  document.title = `Lethe: ${w.title}`;
  root.replaceChildren(
    h('header', { className: 'stack' }, h('div', { className: 'spread' }, h('h1', {}, w.title),
      h('button', { className: 'btn quiet', type: 'button', id: 'language', onclick: () => { state.language = state.language === 'en' ? 'zh-Hant' : 'en'; render(); } }, w.language)),
    h('p', { className: 'soft' }, w.lead)),
    h('section', {},
      field('case', w.caseFile, w.caseHint, h('input', { id: 'case', type: 'file', accept: '.json,application/json', className: 'input', onchange: (e) => e.target.files[0] && load(e.target.files[0]) })),
      field('keys', w.logKey, w.logHint, h('input', { id: 'keys', className: 'input mono', value: state.keys, spellcheck: false, autocomplete: 'off', onchange: (e) => { state.keys = e.target.value; store.set(state.keys); look(); } }))),
    ...[
      state.error && h('p', { className: 'verdict bad', role: 'alert' }, `${w.stop}: ${state.error}`),
      state.checked && orderView(w),
      state.checked && !state.answer && decisionView(w),
      state.answer && answerView(w),
    ].filter(Boolean));
  document.getElementById('answer-title')?.focus();
}
render();
