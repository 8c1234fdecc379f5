// SPDX-License-Identifier: AGPL-3.0-or-later
// What is on a canvas of the page, and what the API has recorded, as small grey pictures that can be compared.

/** A request as the page itself would make it. */
export const api = (page, method, path, body) =>
  page.evaluate(
    async ([m, p, b]) => {
      const response = await fetch(`api/v1/${p}`, { method: m, ...(b ? { body: JSON.stringify(b), headers: { 'content-type': 'application/json' } } : {}) });
      const text = await response.text();
      let json = null;
      try {
        json = JSON.parse(text);
      } catch {
        /* not JSON */
      }
      return { status: response.status, json };
    },
    [method, path, body],
  );

/** A number that changes when the picture of the tile does. */
export const canvasHash = (page, tile) =>
  page.evaluate((selector) => {
    const canvas = document.querySelector(`${selector} canvas`);
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let sum = 2166136261;
    for (let i = 0; i < data.length; i += 4) sum = Math.imul(sum ^ (data[i] | (data[i + 1] << 8) | (data[i + 2] << 16)), 16777619) >>> 0;
    return sum;
  }, tile);

/** The recorded key frame of @camera near @ms, 32×18 grey values, or null. The page's own decoder is used. */
export const pictureAt = (page, camera, ms) =>
  page.evaluate(
    async ([id, at]) => {
      const response = await fetch(`api/v1/cameras/${id}/keyframe.mp4?at=${Math.round(at * 1000)}`);
      if (!response.ok) return null;
      const bytes = new Uint8Array(await response.arrayBuffer());
      const view = new DataView(bytes.buffer);
      const find = (name) => {
        for (let i = 4; i < bytes.length - 4; i++) if (String.fromCharCode(...bytes.subarray(i, i + 4)) === name) return i;
        return -1;
      };
      const avcC = find('avcC');
      const mdat = find('mdat');
      const description = bytes.slice(avcC + 4, avcC - 4 + view.getUint32(avcC - 4));
      const size = view.getUint32(mdat - 4); // 1: the length stands behind the name, in 64 bit
      const data = size === 1 ? bytes.slice(mdat + 12, mdat - 4 + Number(view.getBigUint64(mdat + 4))) : bytes.slice(mdat + 4, mdat - 4 + size);
      const frame = await new Promise((resolve, reject) => {
        const decoder = new VideoDecoder({ output: resolve, error: reject });
        decoder.configure({ codec: `avc1.${[...description.subarray(1, 4)].map((b) => b.toString(16).padStart(2, '0')).join('')}`, description });
        decoder.decode(new EncodedVideoChunk({ type: 'key', timestamp: 0, data }));
        decoder.flush().catch(reject);
      });
      const canvas = new OffscreenCanvas(32, 18);
      const context = canvas.getContext('2d');
      context.drawImage(frame, 0, 0, 32, 18);
      frame.close();
      const pixels = context.getImageData(0, 0, 32, 18).data;
      return Array.from({ length: 576 }, (_, i) => pixels[i * 4] * 0.3 + pixels[i * 4 + 1] * 0.6 + pixels[i * 4 + 2] * 0.1);
    },
    [camera, ms],
  );

/** Mean difference of what the tile shows now from such a picture, 0 to 255. */
export const difference = (page, tile, picture) =>
  page.evaluate(
    ([selector, grey]) => {
      const small = new OffscreenCanvas(32, 18);
      const context = small.getContext('2d');
      context.drawImage(document.querySelector(`${selector} canvas`), 0, 0, 32, 18);
      const { data } = context.getImageData(0, 0, 32, 18);
      return grey.reduce((sum, value, i) => sum + Math.abs(value - (data[i * 4] * 0.3 + data[i * 4 + 1] * 0.6 + data[i * 4 + 2] * 0.1)), 0) / grey.length;
    },
    [tile, picture],
  );
