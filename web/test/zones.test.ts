// SPDX-License-Identifier: AGPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../src/lib/csv';
import { keyName } from '../src/lib/keys';
import { parsePlace } from '../src/lib/router';
import { check, blank, fromCamera, toBody } from '../src/pages/cameras/form';
import { MOST_CORNERS, MOST_ZONES, addCorner, addZone, begin, moveCorner, moveZone, push, redo, removeCorner, square, undo } from '../src/pages/cameras/zones';

describe('zones', () => {
  const one = [square()];
  it('keep corners inside the picture', () => {
    expect(moveCorner(one, 0, 0, [-1, 2])[0]![0]).toEqual([0, 1]);
    expect(one[0]![0]).toEqual([0.4, 0.4]);
  });
  it('keep their shape at the edge', () => {
    const moved = moveZone(one, 0, 5, -5)[0]!;
    expect(moved[2]![0]).toBe(1);
    expect(moved[0]![1]).toBe(0);
    expect(moved[1]![0] - moved[0]![0]).toBeCloseTo(0.2);
  });
  it('get and lose corners within limits', () => {
    let zones = one;
    for (let i = 0; i < 40; i++) zones = addCorner(zones, 0, 0);
    expect(zones[0]).toHaveLength(MOST_CORNERS);
    for (let i = 0; i < 40; i++) zones = removeCorner(zones, 0, 0);
    expect(zones[0]).toHaveLength(3);
  });
  it('are at most 16', () => {
    let zones: ReturnType<typeof addZone> = [];
    for (let i = 0; i < 20; i++) zones = addZone(zones, square());
    expect(zones).toHaveLength(MOST_ZONES);
    expect(addZone([], [[0, 0], [1, 1]])).toEqual([]);
  });
  it('go back and forth', () => {
    let h = begin(one);
    h = push(h, moveZone(h.now, 0, 0.1, 0));
    expect(undo(h).now).toBe(one);
    expect(redo(undo(h)).now).toEqual(h.now);
    expect(undo(begin(one)).now).toBe(one);
    expect(push(h, h.now)).toBe(h);
  });
});

describe('parseCsv', () => {
  it('knows quotes, line ends and the line that a row begins on', () => {
    const rows = parseCsv('id,name\r\na,"x, ""y"""\r\n\r\nb,"two\nlines"\nc,z');
    expect(rows.map((r) => [...r])).toEqual([['id', 'name'], ['a', 'x, "y"'], ['b', 'two\nlines'], ['c', 'z']]);
    expect(rows.map((r) => r.line)).toEqual([1, 2, 4, 6]);
  });
  it.each(['', '\n\n', '"', 'a,"b'])('ends for %j', (text) => expect(Array.isArray(parseCsv(text))).toBe(true));
});

describe('form', () => {
  it('sends of a change only what changed', () => {
    const before = fromCamera({ id: 'a', name: 'A', enabled: true, group: '', may: [], state: 'recording', reason: '', mask: { state: 'declared', reason: '', zones: [] }, main: 'rtsp://x/1', sub: '', transport: 'auto', audio: false, retention_days: 0, pin: '', tls_insecure: false });
    expect(toBody(before, before)).toEqual({});
    expect(toBody({ ...before, name: 'B', retention_days: '7' }, before)).toEqual({ name: 'B', retention_days: 7 });
    expect(toBody({ ...before, lat: '22.28', purpose: 'counting' }, before)).toEqual({ lat: 22.28, purpose: 'counting' });
    expect(toBody({ ...before, password: 'x' }, before)).toEqual({ password: 'x' });
  });
  it('finds mistakes before the server does', () => {
    expect(Object.keys(check(blank, true)).sort()).toEqual(['id', 'main']);
    expect(check({ ...blank, id: 'gate-1', main: 'rtsp://10.0.0.7/1' }, true)).toEqual({});
    expect(Object.keys(check({ ...blank, main: 'http://x', sub: 'x', lat: '91', retention_days: 'x' }, false)).sort()).toEqual(['lat', 'main', 'retention_days', 'sub']);
  });
});

describe('parsePlace', () => {
  it.each([
    ['', '', []],
    ['#/wall', 'wall', []],
    ['#/cameras/c/gate-1?x=1', 'cameras', ['c', 'gate-1']],
    ['#/setup/%E0%A4%A', 'setup', ['%E0%A4%A']],
  ])('of %j', (hash, page, rest) => expect(parsePlace(hash)).toMatchObject({ page, rest }));
});

describe('keyName', () => {
  const event = (key: string, mods = {}) => ({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...mods });
  it.each([
    [event(' '), 'Space'],
    [event('?', { shiftKey: true }), '?'],
    [event('J', { shiftKey: true }), 'j'],
    [event('ArrowLeft', { shiftKey: true }), 'Shift+ArrowLeft'],
    [event('k', { ctrlKey: true }), 'Ctrl+k'],
  ])('of %o', (e, name) => expect(keyName(e)).toBe(name));
});
