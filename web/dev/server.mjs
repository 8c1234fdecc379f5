// SPDX-License-Identifier: AGPL-3.0-or-later
// The API for `npm run dev`, with drawn places instead of cameras. For developing the page; no test uses it.
// LETHE_DEV_CAMERAS is how many (12).
import { clips, fragment } from './clips.mjs';

const FRAGMENT_MS = 200;
const GOP = 20; // fragments
const EPOCH_MS = 600000;
const names = ['North gate', 'Ferry pier, west stair', 'Loading bay 2', 'Tram stop Harbour Street', 'Underpass', 'Car park level 1', 'Library forecourt', 'Bridge, south ramp',
  'Market hall entrance', 'Bus terminus, platform C', 'Playground fence', 'Town hall steps'];
const states = ['declared', 'declared', 'detector', 'declared', 'mosaic', 'declared', 'covered', 'declared', 'detector', 'declared', 'no-stream', 'declared'];
const reasons = {
  declared: 'the place was declared empty while it was learnt',
  detector: 'a person detector runs within its budget',
  mosaic: 'no person detector, and the place was never declared empty',
  covered: 'the place is being learnt, 40 % of the picture is known',
  'no-stream': 'connection refused by 10.0.4.17:554, trying again in 8 s',
};

export async function devServer(vite) {
  const made = clips();
  const count = Number(process.env.LETHE_DEV_CAMERAS ?? 12);
  const cameras = Array.from({ length: count }, (_, i) => {
    const state = states[i % states.length];
    return {
      id: `cam-${String(i + 1).padStart(2, '0')}`, name: names[i % names.length] + (i >= names.length ? ` ${Math.floor(i / names.length) + 1}` : ''),
      enabled: true, group: i % 3 ? '' : 'harbour', may: ['live', 'playback', 'status', 'administer', 'export'], state: state === 'no-stream' ? 'connecting' : 'recording',
      reason: state === 'no-stream' ? reasons[state] : '', mask: { state, reason: reasons[state], zones: [] },
      main: `rtsp://view:***@10.0.4.${i + 7}/stream1`, sub: `rtsp://view:***@10.0.4.${i + 7}/stream2`, transport: 'auto', audio: false, retention_days: 0, pin: '', tls_insecure: false, changed: new Date().toISOString(),
    };
  });
  const clipOf = (id) => made[cameras.findIndex((c) => c.id === id) % made.length];
  const dead = (c) => c.mask.state === 'no-stream';
  let layouts = {};
  let signedIn = true;
  let users = [{ name: 'ada', grants: [{ role: 'administrator', group: 'all' }, { role: 'investigator', group: 'all' }], disabled: false, created: '2026-01-03T09:00:00Z', last_seen: new Date().toISOString() },
    { name: 'night-desk', grants: [{ role: 'operator', group: 'harbour', from: null, to: null }], disabled: false, created: '2026-02-11T16:20:00Z', last_seen: null }];
  let tokens = [];
  const site = () => ({ node: 'harbour-1', version: '0.2', setup_needed: false, practice: true, tls: false });
  const session = () => ({ user: 'ada', grants: users[0].grants, verbs: ['live', 'playback', 'export', 'request', 'status', 'administer'], expires: '2026-12-31T00:00:00Z', token: false });

  const live = (ids, request, response) => {
    response.setHeader('content-type', 'application/x-lethe-live');
    const message = (kind, id, ...parts) => {
      const body = Buffer.concat([Buffer.from(kind), Buffer.from([id.length]), Buffer.from(id), ...parts]);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      response.write(Buffer.concat([head, body]));
    };
    const start = Math.floor(Date.now() / FRAGMENT_MS);
    const list = ids.map((id) => cameras.find((c) => c.id === id)).filter(Boolean);
    const one = (c, n) => {
      const f = fragment(clipOf(c.id), n % 1000000);
      const head = Buffer.alloc(9);
      head.writeBigInt64BE(BigInt(n) * BigInt(FRAGMENT_MS) * 1000n);
      head[8] = f.key ? 1 : 0;
      message('F', c.id, head, f.bytes);
    };
    for (const c of list) {
      message('C', c.id, Buffer.from(JSON.stringify({ state: c.mask.state, reason: c.mask.reason })));
      if (dead(c)) continue;
      message('I', c.id, clipOf(c.id).init);
      for (let n = start - (start % GOP); n <= start; n++) one(c, n);
    }
    let next = start + 1;
    const timer = setInterval(() => {
      for (; next * FRAGMENT_MS < Date.now(); next++) for (const c of list) if (!dead(c)) one(c, next);
      response.write(Buffer.from([0, 0, 0, 1, 0x48]));
    }, FRAGMENT_MS);
    request.on('close', () => clearInterval(timer));
  };

  const time = (text) => (/^\d+$/.test(text) ? Number(text) / 1000 : Date.parse(text));
  const began = Date.now() - 9 * 86400000;
  const noise = (n) => { const x = Math.sin(n * 127.1) * 43758.5453; return x - Math.floor(x); };
  const gapsOf = (i) => [0.8, 2.3, 5.1].map((d, k) => ({ from_us: Math.round((Date.now() - (d + noise(i * 7 + k)) * 86400000) * 1000), len: (0.02 + noise(i + k * 3) * 0.15) * 86400e6, reason: ['stream-lost', 'stream-lost', 'shutdown'][k], detail: ['no answer for 10 s', 'connection refused', 'the recorder was stopped'][k] }))
    .map((g) => ({ from_us: g.from_us, to_us: Math.round(g.from_us + g.len), reason: g.reason, detail: g.detail }));
  const timeline = (query) => {
    const from = time(query.get('from'));
    const to = time(query.get('to'));
    const buckets = Number(query.get('buckets') ?? 300);
    const step = (to - from) / buckets;
    const ids = query.get('cameras') === '*' ? cameras.map((c) => c.id) : query.get('cameras').split(',');
    return {
      from_us: Math.round(from * 1000), to_us: Math.round(to * 1000), bucket_us: Math.round(step * 1000), buckets,
      cameras: ids.map((id) => {
        const i = cameras.findIndex((c) => c.id === id);
        const gaps = gapsOf(i);
        let masked = '';
        let activity = '';
        for (let b = 0; b < buckets; b++) {
          const at = from + b * step;
          const out = at < began || at > Date.now() || gaps.some((g) => at * 1000 > g.from_us && at * 1000 < g.to_us);
          const hour = new Date(at).getHours();
          masked += out ? '0' : 'z';
          activity += out ? '0' : Math.floor((hour > 6 && hour < 22 ? 0.75 : 0.15) * noise(i * 991 + Math.floor(at / Math.max(step, 1000))) ** 1.6 * 35).toString(36);
        }
        return { id, masked, sealed: masked, activity, gaps: gaps.filter((g) => g.to_us > from * 1000 && g.from_us < to * 1000), gaps_left_out: 0 };
      }),
    };
  };

  const gopBytes = (clip) => { let at = clip.init.length; const out = [at]; for (let i = 0; i < clip.fragments.length; i++) { at += clip.fragments[i].bytes.length; if ((i + 1) % GOP === 0) out.push(at); } return out; };
  const playlist = (id, from, to) => {
    const clip = clipOf(id);
    const cuts = gopBytes(clip);
    const loop = cuts.length - 1;
    const loopBytes = cuts[loop] - cuts[0];
    const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-TARGETDURATION:4', '#EXT-X-PLAYLIST-TYPE:VOD'];
    for (let epoch = Math.floor(from / EPOCH_MS) * EPOCH_MS; epoch < Math.min(to, Date.now()); epoch += EPOCH_MS) {
      const first = Math.max(0, Math.floor((from - epoch) / 4000));
      const last = Math.min(150, Math.ceil((Math.min(to, Date.now()) - epoch) / 4000));
      if (first >= last) continue;
      lines.push('#EXT-X-DISCONTINUITY', `#EXT-X-MAP:URI="recordings/${epoch / 1000}/masked.mp4",BYTERANGE="${clip.init.length}@0"`, `#EXT-X-PROGRAM-DATE-TIME:${new Date(epoch + first * 4000).toISOString()}`);
      for (let k = first; k < last; k++) {
        const at = cuts[k % loop] + Math.floor(k / loop) * loopBytes;
        lines.push('#EXTINF:4.000,', `#EXT-X-BYTERANGE:${cuts[(k % loop) + 1] - cuts[k % loop]}@${at}`, `recordings/${epoch / 1000}/masked.mp4`);
      }
    }
    return [...lines, '#EXT-X-ENDLIST', ''].join('\n');
  };
  const recording = (id, request, response) => {
    const clip = clipOf(id);
    const [, a, b] = /bytes=(\d+)-(\d+)/.exec(request.headers.range).map(Number);
    response.statusCode = 206;
    if (a === 0) return response.end(clip.init);
    const cuts = gopBytes(clip);
    const loop = cuts.length - 1;
    let k = 0;
    while (cuts[k % loop] + Math.floor(k / loop) * (cuts[loop] - cuts[0]) < a) k++;
    const out = [];
    for (let n = k * GOP, size = 0; size < b - a + 1; n++) { const f = fragment(clip, n).bytes; out.push(f); size += f.length; }
    response.end(Buffer.concat(out));
  };
  const still = (id, at, response) => {
    const clip = clipOf(id);
    const n = Math.floor((at % EPOCH_MS) / 4000) * GOP;
    response.setHeader('lethe-time', String(Math.floor(at / 4000) * 4000000));
    response.end(Buffer.concat([clip.init, fragment(clip, n).bytes]));
  };

  vite.middlewares.use('/api/v1', (request, response) => {
    const url = new URL(request.url, 'http://dev');
    const path = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
    const json = (value, code = 200) => { response.statusCode = code; response.setHeader('content-type', 'application/json'); response.end(value === undefined ? '' : JSON.stringify(value)); };
    const refuse = (code, error) => json({ error, code: 'E_DEV' }, code);
    let body = '';
    request.on('data', (d) => (body += d));
    request.on('end', () => {
      const data = body && /json/.test(request.headers['content-type'] ?? '') ? JSON.parse(body) : body;
      const what = `${request.method} ${path[0]}${path.length > 1 ? '/…' : ''}`;
      if (what === 'GET site') return json(site());
      if (what === 'POST session') { if (data.password === 'wrong') return refuse(401, 'wrong name or password'); signedIn = true; return json(session(), 201); }
      if (!signedIn) return refuse(401, 'not signed in');
      if (what === 'GET session') return json(session());
      if (what === 'DELETE session') { signedIn = false; return json(undefined, 204); }
      if (what === 'GET layouts') return json(layouts);
      if (what === 'PUT layouts') { layouts = data; return json(undefined, 204); }
      if (what === 'GET live') return live(url.searchParams.get('cameras').split(','), request, response);
      if (what === 'GET timeline') return json(timeline(url.searchParams));
      if (what === 'GET health') return json(health());
      if (what === 'GET status') return json(status());
      if (what === 'GET users') return json({ users });
      if (what === 'POST users') { users = [...users, { name: data.name, grants: data.grants, disabled: false, created: new Date().toISOString(), last_seen: null }]; return json(users.at(-1), 201); }
      if (path[0] === 'users' && request.method === 'PUT') { users = users.map((u) => (u.name === path[1] ? { ...u, ...data, password: undefined } : u)); return json(users.find((u) => u.name === path[1])); }
      if (path[0] === 'users' && request.method === 'DELETE') { users = users.filter((u) => u.name !== path[1]); return json(undefined, 204); }
      if (what === 'GET tokens') return json({ tokens });
      if (what === 'POST tokens') { const token = { id: String(tokens.length + 1), user: data.user, name: data.name, verbs: data.verbs, created: new Date().toISOString(), expires: new Date(Date.now() + (data.days ?? 365) * 86400000).toISOString(), last_used: null }; tokens = [...tokens, token]; return json({ token, secret: `lethe_${'x'.repeat(43)}` }, 201); }
      if (path[0] === 'tokens' && request.method === 'DELETE') { tokens = tokens.filter((k) => k.id !== path[1]); return json(undefined, 204); }
      if (what === 'POST probe') return setTimeout(() => json(/bad/.test(data.url) ? { ok: false, tracks: [], findings: [{ weight: 'bad', text: 'connection refused by 10.0.0.9:554: nothing listens there' }] }
        : { ok: true, server: '', tracks: [{ kind: 'video', codec: 'h264', width: 1920, height: 1080, fps: 25, bitrate_bps: 3900000 }], findings: [{ weight: 'note', text: 'a key picture every 2 s' }, { weight: 'warning', text: 'its clock is 41 s slow' }] }), 900);
      if (path[0] === 'cameras') {
        if (path[1] === 'import') { const rows = String(body).trim().split('\n').slice(1); return json({ cameras: rows.length, changed: !url.searchParams.has('check'), problems: rows.flatMap((r, i) => (/rtsps?:/.test(r) ? [] : [{ row: i + 2, id: r.split(',')[0], error: 'main is no rtsp:// address' }])) }); }
        if (path.length === 1) { if (request.method === 'GET') return json({ cameras }); cameras.push({ ...cameras[0], mask: { state: 'covered', reason: reasons.covered, zones: [] }, ...data }); return json(cameras.at(-1), 201); }
        const camera = cameras.find((c) => c.id === path[1]);
        if (!camera) return refuse(404, 'no such camera');
        const q = url.searchParams;
        if (path.length === 2) { if (request.method === 'GET') return json(camera); if (request.method === 'PUT') { Object.assign(camera, data); return json(camera); } cameras.splice(cameras.indexOf(camera), 1); return json(undefined, 204); }
        if (path[2] === 'zones') { camera.mask.zones = data.zones; return json(undefined, 204); }
        if (path[2] === 'declare-empty') { camera.mask = { ...camera.mask, state: data.empty ? 'declared' : 'mosaic', reason: reasons[data.empty ? 'declared' : 'mosaic'] }; return json(undefined, 204); }
        if (path[2] === 'playback.m3u8') return response.end(playlist(camera.id, time(q.get('from')), time(q.get('to'))));
        if (path[2] === 'recordings') return recording(camera.id, request, response);
        if (path[2] === 'keyframe.mp4') return still(camera.id, time(q.get('at')), response);
        if (path[2] === 'export') return json({ camera: camera.id, from_us: time(q.get('from')) * 1000, to_us: time(q.get('to')) * 1000, bytes: 3 << 20, frames: 600, etag: '"x"', gaps: [], file: `${camera.id}.mp4` });
        if (path[2] === 'masked.mp4') { const all = Buffer.alloc(3 << 20, 7); const a = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0); response.statusCode = a ? 206 : 200; let at = a; const timer = setInterval(() => { response.write(all.subarray(at, at + 100000)); at += 100000; if (at >= all.length) { clearInterval(timer); response.end(); } }, 60); request.on('close', () => {}); response.on('close', () => clearInterval(timer)); return undefined; }
      }
      return refuse(404, `nothing at ${url.pathname}`);
    });
  });
  const health = () => ({ ok: false, at: new Date().toISOString(), gaps_today: 3, bitrate_bps: 43.2e6, frames_lost: 12, cameras: { recording: 11, connecting: 1, waiting: 0, disabled: 0, unknown: 0 },
    problems: [{ level: 'critical', text: 'Recordings are kept for 21.4 days, 30 are promised.', advice: 'Add disk space, lower the bitrate, or promise less.' },
      { level: 'warning', text: 'cam-11 has not been recorded for 12 min: connection refused by 10.0.4.17:554.', advice: 'Is the camera powered? Can this machine reach it?' }, { level: 'note', text: 'The custodians are the practice set.', advice: 'lethe custodian --help' }] });
  const status = () => ({ node: 'harbour-1', version: '0.2', started: new Date(Date.now() - 86400000 * 3).toISOString(), now: new Date().toISOString(), practice: true,
    retention: { promised_days: 30, actual_days: 21.4, oldest: new Date(began).toISOString() }, disk: { total_bytes: 4e12, free_bytes: 0.4e12, reserve_bytes: 0.1e12, state: 'ok' }, alarms: [],
    cameras: cameras.map((c) => ({ id: c.id, state: c.state, bitrate_bps: 3.6e6, fps: 25 })) });
}
