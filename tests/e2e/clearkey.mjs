// SPDX-License-Identifier: AGPL-3.0-or-later
// Plays a sealed recording in Chromium through Media Source and Encrypted Media Extensions (ClearKey).
//
//   node clearkey.mjs RECORDING.mp4 KEY KID      key and key id in hex
//
// Passes when frames advance with the right key and none appears with another key, or with none.
// LETHE_CHROMIUM names another browser than /usr/bin/chromium. H.264 only: Chromium plays no H.265 through MSE here.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const APPEND_BYTES = 16 << 20; // well below what a SourceBuffer takes

function codecs(file) {
  const at = file.indexOf('avcC');
  if (at < 0) throw new Error('no avcC in the recording: this test plays H.264');
  return `video/mp4; codecs="avc1.${file.subarray(at + 5, at + 8).toString('hex')}"`;
}

function serve(file) {
  const server = createServer((request, response) => {
    const page = request.url === '/';
    response.setHeader('content-type', page ? 'text/html' : 'video/mp4');
    response.end(page ? '<!doctype html><title>clearkey</title><video muted width=320></video>' : file);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

// Runs in the page. Resolves to what was seen after the time given, or earlier once enough frames were shown.
async function play({ type, key, kid, limit, milliseconds, enough }) {
  const base64url = (hex) =>
    btoa(String.fromCharCode(...hex.match(/../g).map((x) => parseInt(x, 16)))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
  const video = document.querySelector('video');
  const seen = { supported: MediaSource.isTypeSupported(type), asked: '', keys: '', frames: 0, time: 0, error: '' };
  const access = await navigator.requestMediaKeySystemAccess('org.w3.clearkey', [
    { initDataTypes: ['cenc'], videoCapabilities: [{ contentType: type }] },
  ]);
  await video.setMediaKeys(await (await access.createMediaKeys()));
  video.addEventListener('error', () => (seen.error = video.error.message));
  video.addEventListener('encrypted', async (event) => {
    if (seen.asked) return;
    seen.asked = event.initDataType;
    const session = video.mediaKeys.createSession();
    session.addEventListener('message', async (message) => {
      seen.keys = new TextDecoder().decode(message.message);
      if (!key) return;
      const jwk = { keys: [{ kty: 'oct', kid: base64url(kid), k: base64url(key) }], type: 'temporary' };
      await session.update(new TextEncoder().encode(JSON.stringify(jwk)));
    });
    await session.generateRequest(event.initDataType, event.initData);
  });
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise((done) => source.addEventListener('sourceopen', done, { once: true }));
  const buffer = source.addSourceBuffer(type);
  buffer.appendBuffer((await (await fetch('/recording.mp4')).arrayBuffer()).slice(0, limit));
  await new Promise((done) => buffer.addEventListener('updateend', done, { once: true }));
  video.play().catch(() => {});
  for (const end = performance.now() + milliseconds; performance.now() < end && seen.frames < enough; ) {
    await new Promise((done) => setTimeout(done, 50));
    seen.frames = video.getVideoPlaybackQuality().totalVideoFrames;
    seen.time = video.currentTime;
  }
  // What can be seen: the spread of the picture's brightness. Noise of a wrong key has none of the source's edges,
  // so a picture counts only together with its digest, which the caller compares between the keys.
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 64;
  let digest = '';
  if (video.videoWidth) {
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 64, 64);
    const hash = await crypto.subtle.digest('SHA-256', context.getImageData(0, 0, 64, 64).data);
    digest = [...new Uint8Array(hash)].map((x) => x.toString(16).padStart(2, '0')).join('');
  }
  return { ...seen, width: video.videoWidth, digest };
}

const [path, key, kid] = process.argv.slice(2);
if (!/^[0-9a-f]{32}$/i.test(key ?? '') || !/^[0-9a-f]{32}$/i.test(kid ?? '')) {
  console.error('usage: node clearkey.mjs RECORDING.mp4 KEY KID');
  process.exit(2);
}
const file = await readFile(path);
const type = codecs(file);
const server = await serve(file);
const browser = await chromium.launch({
  executablePath: process.env.LETHE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});
let failed = 0;
try {
  const attempt = async (name, trial) => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const seen = await page.evaluate(play, { type, kid, limit: APPEND_BYTES, ...trial });
    await page.close();
    console.log(`${name}: ${JSON.stringify(seen)}`);
    return seen;
  };
  const check = (text, ok) => {
    console.log(`${ok ? 'ok' : 'NOT OK'} - ${text}`);
    failed += ok ? 0 : 1;
  };
  const wrong = [...key].map((x) => (15 - parseInt(x, 16)).toString(16)).join('');
  const right = await attempt('right key', { key, milliseconds: 20000, enough: 40 });
  check('the recording names its key id in a cenc initialisation', right.asked === 'cenc' && right.keys.includes('kids'));
  check('frames advance with the right key', right.frames >= 40 && right.time > 0.5 && !right.error);
  const none = await attempt('no key', { key: '', milliseconds: 3000, enough: 1 });
  check('nothing is shown without a key', none.frames === 0 && none.time === 0);
  const other = await attempt('wrong key', { key: wrong, milliseconds: 3000, enough: 40 });
  check('nothing of it is shown with a wrong key', other.frames === 0 || other.digest !== right.digest);
} finally {
  await browser.close();
  server.close();
}
process.exit(failed ? 1 : 0);
