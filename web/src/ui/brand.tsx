// SPDX-License-Identifier: AGPL-3.0-or-later
// The mark, two waves of the river, and the river itself for the door. Drawn, not loaded.
export const Mark = () => (
  <svg viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="7" fill="#0c5c66" />
    <path d="M5 12.5c3.7-3.4 7.3-3.4 11 0s7.3 3.4 11 0M5 20.5c3.7-3.4 7.3-3.4 11 0s7.3 3.4 11 0" fill="none" stroke="#e9f5f5" stroke-width="2.6" stroke-linecap="round" />
  </svg>
);

/** Lines of water: sines of drifting length that grow fainter towards the top. The same every time. */
function lines(): { d: string; opacity: number }[] {
  const out = [];
  for (let i = 0; i < 26; i++) {
    const y = 210 + i * 24;
    let d = '';
    for (let x = -20; x <= 820; x += 20) {
      const wave = Math.sin(x / (90 + i * 5) + i * 0.9) * (5 + i * 0.85) + Math.sin(x / 41 + i * 1.7) * 2.2;
      d += `${d ? 'L' : 'M'}${x} ${(y + wave).toFixed(1)}`;
    }
    out.push({ d, opacity: 0.08 + (i / 26) * 0.5 });
  }
  return out;
}
const water = lines();
export const River = () => (
  <svg class="river" viewBox="0 0 800 800" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
    {water.map((line) => <path d={line.d} fill="none" stroke="#3f8d95" stroke-width="1.2" opacity={line.opacity.toFixed(2)} />)}
  </svg>
);
