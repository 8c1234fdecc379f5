// SPDX-License-Identifier: AGPL-3.0-or-later
// Saved arrangements: choose, save, save under a name, delete.
import { ChevronDown, LayoutDashboard, Save, SaveAll, Trash2 } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { sentence } from '../../api/client';
import { t } from '../../i18n';
import { Button, Dialog, Field, Glyph, Item, Menu, say } from '../../ui';
import { changed, current, pick, remove, save, saved } from './layouts';

const attempt = (work: Promise<void>, done?: string) => work.then(() => done && say(done)).catch((error: unknown) => say(sentence(error), 'bad'));

export function LayoutMenu() {
  const [naming, setNaming] = useState(false);
  const [removing, setRemoving] = useState(false);
  const { name } = current.value;
  return (
    <>
      <Menu
        label={t('layout.menu')}
        button={(props) => (
          <button type="button" class="btn layout-button" {...props}>
            <Glyph icon={LayoutDashboard} />
            <span class="truncate">{name || t('layout.all')}</span>
            {changed.value ? <span class="unsaved" title={t('layout.unsaved')}><span class="visually-hidden">{t('layout.unsaved')}</span></span> : null}
            <Glyph icon={ChevronDown} />
          </button>
        )}
      >
        {(close) => (
          <>
            <Item checked={!name} onClick={() => { close(); void attempt(pick('')); }}>{t('layout.all')}</Item>
            {saved.value.map((layout) => (
              <Item key={layout.name} checked={layout.name === name} end={layout.cameras?.length} onClick={() => { close(); void attempt(pick(layout.name)); }}>{layout.name}</Item>
            ))}
            <hr />
            {name && changed.value ? <Item icon={Save} onClick={() => { close(); void attempt(save(name), t('layout.saved', { name })); }}>{t('layout.save', { name })}</Item> : null}
            <Item icon={SaveAll} onClick={() => { close(); setNaming(true); }}>{t('layout.save-as')}</Item>
            {name ? <Item icon={Trash2} kind="bad" onClick={() => { close(); setRemoving(true); }}>{t('layout.remove', { name })}</Item> : null}
          </>
        )}
      </Menu>
      {naming ? <NameDialog onClose={() => setNaming(false)} /> : null}
      {removing ? (
        <Dialog
          title={t('layout.remove', { name })}
          onClose={() => setRemoving(false)}
          footer={<><Button onClick={() => setRemoving(false)}>{t('action.cancel')}</Button><Button kind="danger primary" onClick={() => { setRemoving(false); void attempt(remove(name)); }}>{t('action.remove')}</Button></>}
        >
          <p>{t('layout.remove.question', { name })}</p>
        </Dialog>
      ) : null}
    </>
  );
}

function NameDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const clean = name.trim();
  const taken = saved.value.some((layout) => layout.name === clean);
  const done = (event: Event) => {
    event.preventDefault();
    if (!clean) return;
    onClose();
    void attempt(save(clean), t('layout.saved', { name: clean }));
  };
  return (
    <Dialog title={t('layout.save-as')} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" form="layout-name" disabled={!clean}>{taken ? t('action.replace') : t('action.save')}</Button></>}>
      <form id="layout-name" onSubmit={done}>
        <Field label={t('layout.name')} value={name} onText={setName} maxLength={64} hint={taken ? t('layout.taken') : undefined} autoFocus />
      </form>
    </Dialog>
  );
}
