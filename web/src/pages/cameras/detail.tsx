// SPDX-License-Identifier: AGPL-3.0-or-later
// One camera: its masked picture, what may be shown and why, privacy zones, and for administrators its settings.
import { ChartGantt, ChevronLeft, LayoutGrid, ShieldCheck, Trash2 } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { send, sentence } from '../../api/client';
import type { Camera, LiveState } from '../../api/types';
import { t, type Key } from '../../i18n';
import { go, href } from '../../lib/router';
import { cameraById, cameras, loadCameras } from '../../lib/session';
import { Badge, Button, Check, Dialog, Empty, Glyph, Notice, say } from '../../ui';
import { LivePicture } from '../../ui/live-picture';
import { maskIcon, maskKind, maskWord } from '../../ui/mask-badge';
import { PageHead } from '../../ui/page';
import { CameraFields, ProbePanel, check, fromCamera, toBody } from './form';
import { StateBadge } from './list';
import { ZoneEditor } from './zone-editor';

export function CameraDetail({ id }: { id: string }) {
  const camera = cameraById.value.get(id);
  const [live, setLive] = useState<LiveState | null>(null);
  const [removing, setRemoving] = useState(false);
  if (!camera) {
    return (
      <div class="page"><PageHead title={id} />
        {cameras.value ? <Empty icon={ChevronLeft} title={t('wall.gone')}><a class="btn" href={href('cameras')}>{t('cameras.back')}</a></Empty> : <p class="page-body soft" role="status">{t('cameras.loading')}</p>}
      </div>
    );
  }
  const admin = camera.may.includes('administer');
  const seen = camera.may.includes('live');
  const name = camera.name || camera.id;
  const picture = seen ? <LivePicture id={id} onState={setLive} /> : <div class="live-picture"><div class="words"><p>{t('wall.denied')}</p></div></div>;
  return (
    <div class="page cameras-page">
      <PageHead title={name}>
        <a class="btn quiet back" href={href('cameras')}><Glyph icon={ChevronLeft} />{t('nav.cameras')}</a>
        <StateBadge state={camera.state} />
        {seen ? <a class="btn" href={href('wall', [], { camera: id })}><Glyph icon={LayoutGrid} />{t('nav.wall')}</a> : null}
        {camera.may.includes('playback') ? <a class="btn" href={href('timeline', [], { cameras: id })}><Glyph icon={ChartGantt} />{t('nav.timeline')}</a> : null}
      </PageHead>
      <div class="page-body split">
        <div class="stack">
          {camera.reason ? <Notice kind="warn"><span lang="en">{camera.reason}</span></Notice> : null}
          {admin ? <ZoneEditor camera={camera} picture={picture} /> : <section class="panel clip">{picture}</section>}
        </div>
        <div class="stack">
          <Masking camera={camera} live={live} admin={admin} />
          {admin ? <Settings camera={camera} /> : null}
          {admin ? (
            <section class="panel"><div class="body spread">
              <p class="soft grow">{t('cameras.remove.what')}</p>
              <Button kind="danger" icon={Trash2} onClick={() => setRemoving(true)}>{t('cameras.remove')}</Button>
            </div></section>
          ) : null}
        </div>
      </div>
      {removing ? <RemoveDialog camera={camera} onClose={() => setRemoving(false)} /> : null}
    </div>
  );
}

function Masking({ camera, live, admin }: { camera: Camera; live: LiveState | null; admin: boolean }) {
  const [asking, setAsking] = useState(false);
  const state = live?.state ?? camera.mask.state;
  const reason = live?.reason || camera.mask.reason;
  const declare = async (empty: boolean) => {
    try {
      await send('POST', `cameras/${encodeURIComponent(camera.id)}/declare-empty`, { empty });
      await loadCameras();
      say(empty ? t('empty.done') : t('empty.undone'));
    } catch (error) {
      say(sentence(error), 'bad');
    }
  };
  return (
    <section class="panel" aria-labelledby="masking-title">
      <header class="spread"><h2 id="masking-title">{t('masking.title')}</h2><Badge kind={maskKind(state)} icon={maskIcon(state)}>{maskWord(state)}</Badge></header>
      <div class="body stack">
        <p>{t(`mask.${state}.what` as Key)}</p>
        {reason ? <p class="faint" lang="en">{reason}</p> : null}
        {admin ? (
          <>
            <h3>{t('empty.title')}</h3>
            <p class="soft">{t('empty.what')}</p>
            <ol class="steps"><li>{t('empty.step.1')}</li><li>{t('empty.step.2')}</li><li>{t('empty.step.3')}</li></ol>
            <div class="cluster">
              <Button icon={ShieldCheck} onClick={() => setAsking(true)}>{t('empty.do')}</Button>
              <Button kind="quiet" onClick={() => void declare(false)}>{t('empty.undo')}</Button>
            </div>
          </>
        ) : null}
      </div>
      {asking ? <EmptyDialog name={camera.name || camera.id} onClose={() => setAsking(false)} onDo={() => { setAsking(false); void declare(true); }} /> : null}
    </section>
  );
}

function EmptyDialog({ name, onClose, onDo }: { name: string; onClose: () => void; onDo: () => void }) {
  const [sure, setSure] = useState(false);
  return (
    <Dialog title={t('empty.question', { name })} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" disabled={!sure} onClick={onDo}>{t('empty.do')}</Button></>}>
      <div class="stack">
        <p>{t('empty.means')}</p>
        <Notice kind="warn">{t('empty.risk')}</Notice>
        <Check label={t('empty.sure')} checked={sure} onPick={setSure} />
      </div>
    </Dialog>
  );
}

function Settings({ camera }: { camera: Camera }) {
  const before = fromCamera(camera);
  const [fields, setFields] = useState(before);
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const body = toBody(fields, before);
  const dirty = Object.keys(body).length > 0;
  const mistakes = dirty ? check(fields, false) : {};
  useEffect(() => {
    if (!dirty) setFields(before);
  }, [camera.changed]);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!dirty || Object.keys(mistakes).length) return;
    setBusy(true);
    setFailure('');
    try {
      const after = await send<Camera>('PUT', `cameras/${encodeURIComponent(camera.id)}`, body);
      await loadCameras();
      setFields(fromCamera(after));
      say(t('cameras.changed', { name: after.name || after.id }));
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <form class="panel" aria-labelledby="settings-title" onSubmit={submit} noValidate>
        <header><h2 id="settings-title">{t('cameras.settings')}</h2></header>
        <div class="body stack">
          <CameraFields fields={fields} set={(part) => setFields({ ...fields, ...part })} mistakes={mistakes} adding={false} />
          {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
          <div class="cluster"><Button kind="primary" type="submit" busy={busy} disabled={!dirty || busy}>{t('action.save')}</Button><Button disabled={!dirty} onClick={() => setFields(before)}>{t('zones.discard')}</Button></div>
        </div>
      </form>
      <ProbePanel fields={fields} />
    </>
  );
}

function RemoveDialog({ camera, onClose }: { camera: Camera; onClose: () => void }) {
  const name = camera.name || camera.id;
  const remove = async () => {
    onClose();
    try {
      await send('DELETE', `cameras/${encodeURIComponent(camera.id)}`);
      await loadCameras();
      go(href('cameras'));
      say(t('cameras.removed', { name }));
    } catch (error) {
      say(sentence(error), 'bad');
    }
  };
  return (
    <Dialog title={t('cameras.remove.question', { name })} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="danger primary" onClick={() => void remove()}>{t('cameras.remove')}</Button></>}>
      <p>{t('cameras.remove.what')}</p>
    </Dialog>
  );
}
