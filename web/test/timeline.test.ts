// SPDX-License-Identifier: AGPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, LONGEST, MINUTE, SECOND, SHORTEST, blockMs, blocksOf, bucketMs, clampView, gapAt, levelOf, ordered, pan, placeOf, rateStep, readDigits, reveal, span, stepFor, ticks, timeAt, zoomAt } from '../src/pages/timeline/maths';

const T = Date.UTC(2026, 10, 23, 10, 0, 0);
const view = { from: T, to: T + HOUR };

describe('places and times', () => {
  it('are each other the other way round', () => {
    for (const x of [0, 1, 333, 999.5, 1000]) expect(placeOf(view, timeAt(view, x, 1000), 1000)).toBeCloseTo(x, 6);
  });
  it('survive a width of nothing', () => expect(timeAt(view, 0, 0)).toBe(T));
});

describe('zoomAt', () => {
  it.each([0, 250, 1000])('leaves the time under x = %i where it is', (x) => {
    const closer = zoomAt(view, 0.5, x, 1000);
    expect(span(closer)).toBe(HOUR / 2);
    expect(timeAt(closer, x, 1000)).toBeCloseTo(timeAt(view, x, 1000), 3);
  });
  it('ends at 5 seconds and at 45 days', () => {
    expect(span(zoomAt(view, 1e-9, 10, 1000))).toBe(SHORTEST);
    expect(span(zoomAt(view, 1e9, 10, 1000))).toBe(LONGEST);
  });
});

describe('clampView', () => {
  it('shows a tenth of the future and no more', () => expect(clampView(pan(view, 10 * DAY), T - DAY, T + HOUR).to).toBe(T + HOUR + 0.1 * HOUR));
  it('does not go before the earliest', () => expect(clampView(pan(view, -10 * DAY), T - DAY, T + HOUR).from).toBe(T - DAY));
  it('leaves alone what is within', () => expect(clampView(view, T - DAY, T + DAY)).toEqual(view));
});

describe('reveal', () => {
  it('does not move for what is in sight', () => expect(reveal(view, T + HOUR / 2)).toBe(view));
  it('moves just as far as needed', () => expect(placeOf(reveal(view, T + 2 * HOUR), T + 2 * HOUR, 1000)).toBeCloseTo(900));
});

describe('levels', () => {
  it.each([[SHORTEST], [MINUTE], [HOUR], [DAY], [30 * DAY], [LONGEST]])('of %i ms: a bucket is at most 2 px and a screen a few blocks', (length) => {
    const v = { from: T, to: T + length };
    for (const width of [390, 1440, 3000]) {
      const level = levelOf(v, width);
      const px = (bucketMs(level) / length) * width;
      expect(px).toBeLessThanOrEqual(level === 0 ? 160 : 2.0001);
      if (level > 0) expect(px).toBeGreaterThan(0.99);
      expect(blocksOf(v, level).length).toBeLessThanOrEqual(Math.ceil(width / 512) + 2);
    }
  });
  it('blocks cover the view', () => {
    const numbers = blocksOf(view, 3);
    expect(numbers[0]! * blockMs(3)).toBeLessThanOrEqual(view.from);
    expect((numbers[numbers.length - 1]! + 1) * blockMs(3)).toBeGreaterThanOrEqual(view.to);
  });
});

describe('readDigits', () => {
  it('reads 0 to 35 and takes strangers for nothing', () => expect([...readDigits('09az!A')]).toEqual([0, 9, 10, 35, 0, 0]));
  it('fills up what is missing', () => expect([...readDigits('z', 3)]).toEqual([35, 0, 0]));
});

describe('ticks', () => {
  it.each([[10 * SECOND], [MINUTE], [HOUR], [DAY], [7 * DAY], [30 * DAY]])('of %i ms are at least 84 px apart and on whole steps', (length) => {
    const v = { from: T + 1234, to: T + 1234 + length };
    const step = stepFor(v, 1200);
    expect((step / length) * 1200).toBeGreaterThanOrEqual(84);
    for (const tick of ticks(v, step, () => 8 * HOUR)) expect(Math.abs((tick.time + 8 * HOUR) % step)).toBeLessThan(1e-6);
  });
  it('mark midnight of the zone that is shown', () => {
    const majors = ticks({ from: T, to: T + 2 * DAY }, 6 * HOUR, () => 8 * HOUR).filter((tick) => tick.major);
    expect(majors.map((tick) => new Date(tick.time).toISOString())).toEqual(['2026-11-23T16:00:00.000Z', '2026-11-24T16:00:00.000Z']);
  });
  it('stay on whole hours over a change of summer time', () => {
    const change = Date.UTC(2026, 9, 25, 1); // Europe: +2 h before, +1 h from then on
    const offset = (time: number) => (time < change ? 2 : 1) * HOUR;
    const hours = ticks({ from: change - 12 * HOUR, to: change + 12 * HOUR }, 6 * HOUR, offset).map((tick) => ((tick.time + offset(tick.time)) / HOUR) % 24);
    expect(hours.every((hour) => hour % 6 === 0)).toBe(true);
  });
});

describe('gapAt', () => {
  const gaps = [
    { from_us: T * 1000, to_us: (T + MINUTE) * 1000, reason: 'stream-lost', detail: '' },
    { from_us: (T + HOUR) * 1000, to_us: null, reason: 'shutdown', detail: '' },
  ];
  it.each([
    [T - 1, undefined],
    [T, 'stream-lost'],
    [T + MINUTE, undefined],
    [T + HOUR + 1, 'shutdown'],
    [T + 3 * HOUR, undefined],
  ])('at %i', (time, reason) => expect(gapAt(gaps, time, T + 2 * HOUR)?.reason).toBe(reason));
});

describe('selection and rates', () => {
  it('is in order, or none', () => {
    expect(ordered(5, 2)).toEqual({ from: 2, to: 5 });
    expect(ordered(5, 5)).toBeNull();
    expect(ordered(null, 5)).toBeNull();
  });
  it('stays between a quarter and sixteen', () => {
    expect(rateStep(1, 1)).toBe(2);
    expect(rateStep(-2, 1)).toBe(4);
    expect(rateStep(16, 1)).toBe(16);
    expect(rateStep(0.25, -1)).toBe(0.25);
  });
});
